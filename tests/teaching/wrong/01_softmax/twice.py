"""Softmax of the softmax."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "was applied twice"
ADVICE_ID = "softmax.twice"


def answer(logits):
    return tf.nn.softmax(tf.nn.softmax(logits))
