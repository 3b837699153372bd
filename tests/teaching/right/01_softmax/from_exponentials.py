"""The solution's approach."""

from cifarlab.backend import tf

CHECK = "check_softmax"


def answer(logits):
    exponentials = tf.exp(logits - tf.reduce_max(logits, axis=1, keepdims=True))
    return exponentials / tf.reduce_sum(exponentials, axis=1, keepdims=True)
