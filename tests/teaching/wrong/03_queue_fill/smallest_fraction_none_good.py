"""min of an empty sequence raises."""

CHECK = "check_smallest_fraction"
ADVICE = "if none mixes well enough: answer raised"
ADVICE_ID = "smallest_fraction.fails-if-none"


def answer(measured, limit):
    return min(f for f, v in measured.items() if v <= limit)
