"""The last tower's gradients."""

CHECK = "check_mean_gradients"
ADVICE = "the last tower's gradient"
ADVICE_ID = "mean_gradients.last-tower"


def answer(tower_gradients):
    for gradients in tower_gradients:
        mean = gradients
    return mean
