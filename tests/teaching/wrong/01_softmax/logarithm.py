"""The logarithm of the softmax."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "leave the logarithm"


def answer(logits):
    return tf.nn.log_softmax(logits)
