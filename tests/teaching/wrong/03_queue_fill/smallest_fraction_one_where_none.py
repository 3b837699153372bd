"""The whole epoch if no fraction is good enough."""

CHECK = "check_smallest_fraction"
ADVICE = "it should return None"


def answer(measured, limit):
    return min((f for f, v in measured.items() if v <= limit), default=1.0)
