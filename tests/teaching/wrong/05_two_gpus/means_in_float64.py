"""Adds up in float64 and does not convert back."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "need float32 gradients: got float64"
ADVICE_ID = "mean_gradients.wrong-dtype"


def answer(tower_gradients):
    by_variable = zip(*tower_gradients, strict=True)
    return [tf.reduce_mean(tf.cast(tf.stack(parts), tf.float64), axis=0) for parts in by_variable]
