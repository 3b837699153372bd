"""Sums accumulated in a loop."""

CHECK = "check_mean_gradients"


def answer(tower_gradients):
    means = []
    for variable in range(len(tower_gradients[0])):
        total = 0.0
        for gradients in tower_gradients:
            total = total + gradients[variable]
        means.append(total / len(tower_gradients))
    return means
