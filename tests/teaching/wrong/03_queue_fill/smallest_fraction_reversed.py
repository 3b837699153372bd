"""Treats more unevenness as better."""

CHECK = "check_smallest_fraction"
ADVICE = "its unevenness is above the limit"


def answer(measured, limit):
    return min((f for f, v in measured.items() if v >= limit), default=None)
