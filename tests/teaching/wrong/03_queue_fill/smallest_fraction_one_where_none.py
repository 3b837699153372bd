"""The whole epoch if no fraction is good enough."""

CHECK = "check_smallest_fraction"
ADVICE = "it should return None"
ADVICE_ID = "smallest_fraction.not-none"


def answer(measured, limit):
    return min((f for f, v in measured.items() if v <= limit), default=1.0)
