"""The mean of the mean so far and the next tower's gradient."""

CHECK = "check_mean_gradients"
ADVICE = "averages a mean and the next"
ADVICE_ID = "mean_gradients.in-pairs"


def answer(tower_gradients):
    means = tower_gradients[0]
    for gradients in tower_gradients[1:]:
        means = [(mean + gradient) / 2 for mean, gradient in zip(means, gradients, strict=True)]
    return means
