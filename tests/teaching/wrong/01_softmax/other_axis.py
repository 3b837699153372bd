"""Softmax over the images instead of the classes."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "check the axis"
ADVICE_ID = "softmax.wrong-axis"


def answer(logits):
    return tf.nn.softmax(logits, axis=0)
