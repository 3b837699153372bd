"""The fraction that mixes best."""

CHECK = "check_smallest_fraction"
ADVICE = "this is the largest fraction."


def answer(measured, limit):
    good = [f for f in measured if measured[f] <= limit]
    return max(good) if good else None
