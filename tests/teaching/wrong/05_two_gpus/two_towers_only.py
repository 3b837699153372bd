"""Unpacks the list of towers into exactly two."""

CHECK = "check_mean_gradients"
ADVICE = "answer raised ValueError"
ADVICE_ID = "mean_gradients.raised"


def answer(tower_gradients):
    first, second = tower_gradients
    return [(one + other) / 2 for one, other in zip(first, second, strict=True)]
