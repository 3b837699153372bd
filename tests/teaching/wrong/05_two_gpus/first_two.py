"""The mean of the first two towers."""

CHECK = "check_mean_gradients"
ADVICE = "only the first two towers count"
ADVICE_ID = "mean_gradients.first-two"


def answer(tower_gradients):
    return [(one + other) / 2 for one, other in zip(tower_gradients[0], tower_gradients[1], strict=True)]
