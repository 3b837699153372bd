"""A mean over everything: `axis` forgotten."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "is a single number"
ADVICE_ID = "mean_gradients.one-number"


def answer(tower_gradients):
    return [tf.reduce_mean(parts) for parts in zip(*tower_gradients, strict=True)]
