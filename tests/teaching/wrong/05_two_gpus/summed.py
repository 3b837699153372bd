"""The sum over the towers."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "the sum over the towers. Divide"
ADVICE_ID = "mean_gradients.sum"


def answer(tower_gradients):
    return [tf.add_n(parts) for parts in zip(*tower_gradients, strict=True)]
