"""Divided by the mean."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "adds up to the number of classes"
ADVICE_ID = "softmax.mean-for-sum"


def answer(logits):
    exponentials = tf.exp(logits)
    return exponentials / tf.reduce_mean(exponentials, axis=-1, keepdims=True)
