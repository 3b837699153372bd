"""Divides by the number of variables."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "divide it by the number of towers"
ADVICE_ID = "mean_gradients.by-variables"


def answer(tower_gradients):
    return [tf.add_n(parts) / len(tower_gradients[0]) for parts in zip(*tower_gradients, strict=True)]
