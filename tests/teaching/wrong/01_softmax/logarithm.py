"""The logarithm of the softmax."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "the loss takes the logarithm"
ADVICE_ID = "softmax.logarithm"


def answer(logits):
    return tf.nn.log_softmax(logits)
