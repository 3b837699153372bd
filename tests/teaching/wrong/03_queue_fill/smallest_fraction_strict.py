"""Less than the limit instead of at most the limit."""

CHECK = "check_smallest_fraction"
ADVICE = "equal to the limit"
ADVICE_ID = "smallest_fraction.limit-excluded"


def answer(measured, limit):
    return min((f for f, v in measured.items() if v < limit), default=None)
