"""A mean over the first axis for each variable."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"


def answer(tower_gradients):
    return [tf.reduce_mean(parts, axis=0) for parts in zip(*tower_gradients, strict=True)]
