"""Exponentials without the division."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "not divided by their sum"
ADVICE_ID = "softmax.not-divided"


def answer(logits):
    return tf.exp(logits)
