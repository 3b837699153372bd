"""With the logarithm of the sum."""

from cifarlab.backend import tf

CHECK = "check_softmax"


def answer(logits):
    return tf.exp(logits - tf.reduce_logsumexp(logits, axis=-1, keepdims=True))
