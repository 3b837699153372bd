"""The whole batch for each tower."""

CHECK = "check_shares"
ADVICE = "in one share only"
ADVICE_ID = "shares.whole-batch"


def answer(images, labels, towers):
    return [(images, labels) for _ in range(towers)]
