"""Divides by one less than the number of towers."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "one less than their number"
ADVICE_ID = "mean_gradients.one-less"


def answer(tower_gradients):
    return [tf.add_n(parts) / (len(parts) - 1) for parts in zip(*tower_gradients, strict=True)]
