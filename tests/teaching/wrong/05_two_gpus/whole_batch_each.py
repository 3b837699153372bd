"""The whole batch for each tower."""

CHECK = "check_shares"
ADVICE = "in one share only"


def answer(images, labels, towers):
    return [(images, labels) for _ in range(towers)]
