"""Returns from inside the loop."""

CHECK = "check_mean_gradients"
ADVICE = "the first tower's gradient"
ADVICE_ID = "mean_gradients.first-tower"


def answer(tower_gradients):
    for gradients in tower_gradients:
        return [gradient / 1.0 for gradient in gradients]
    return None
