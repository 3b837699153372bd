"""Logits divided by their sum."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "take the exponential first"
ADVICE_ID = "softmax.no-exponential"


def answer(logits):
    return logits / tf.reduce_sum(logits, axis=-1, keepdims=True)
