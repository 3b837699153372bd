"""Correct for small logits only: the exponential of 1,000 is infinite."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "large ones break it"
ADVICE_ID = "softmax.overflow"


def answer(logits):
    exponentials = tf.exp(logits)
    return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)
