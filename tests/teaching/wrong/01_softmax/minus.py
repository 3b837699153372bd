"""A minus in the exponent."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "a wrong minus sign"
ADVICE_ID = "softmax.wrong-sign"


def answer(logits):
    return tf.nn.softmax(-logits)
