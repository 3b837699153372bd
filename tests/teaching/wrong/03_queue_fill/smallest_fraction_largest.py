"""The fraction that mixes best."""

CHECK = "check_smallest_fraction"
ADVICE = "this is the largest fraction."
ADVICE_ID = "smallest_fraction.largest-fraction"


def answer(measured, limit):
    good = [f for f in measured if measured[f] <= limit]
    return max(good) if good else None
