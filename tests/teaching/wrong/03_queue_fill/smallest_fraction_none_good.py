"""min of an empty sequence raises."""

CHECK = "check_smallest_fraction"
ADVICE = "if none mixes well enough: answer raised"


def answer(measured, limit):
    return min(f for f, v in measured.items() if v <= limit)
