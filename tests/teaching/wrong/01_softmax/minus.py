"""A minus in the exponent."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "a minus too many"


def answer(logits):
    return tf.nn.softmax(-logits)
