"""Always divides by two."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "divided by 2"
ADVICE_ID = "mean_gradients.always-halved"


def answer(tower_gradients):
    return [tf.add_n(parts) / 2 for parts in zip(*tower_gradients, strict=True)]
