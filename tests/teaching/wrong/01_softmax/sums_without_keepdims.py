"""Sums that lose their axis: [B, C] / [B] does not work row by row."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "Did a sum lose its axis"
ADVICE_ID = "softmax.raised-shapes"


def answer(logits):
    exponentials = tf.exp(logits)
    return exponentials / tf.reduce_sum(exponentials, axis=-1)
