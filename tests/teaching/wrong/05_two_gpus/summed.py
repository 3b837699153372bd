"""The sum over the towers."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "the sum over the towers. Divide"


def answer(tower_gradients):
    return [tf.add_n(parts) for parts in zip(*tower_gradients, strict=True)]
