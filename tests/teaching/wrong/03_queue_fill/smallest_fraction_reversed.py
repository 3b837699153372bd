"""Treats more unevenness as better."""

CHECK = "check_smallest_fraction"
ADVICE = "its unevenness is above the limit"
ADVICE_ID = "smallest_fraction.mixes-too-little"


def answer(measured, limit):
    return min((f for f, v in measured.items() if v >= limit), default=None)
