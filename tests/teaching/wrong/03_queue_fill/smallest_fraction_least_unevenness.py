"""The smallest unevenness instead of the fraction."""

CHECK = "check_smallest_fraction"
ADVICE = "the smallest unevenness"
ADVICE_ID = "smallest_fraction.smallest-unevenness"


def answer(measured, limit):
    return min((v for v in measured.values() if v <= limit), default=None)
