"""Prints the answer instead of returning it."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "Is `return` missing"
ADVICE_ID = "softmax.no-result"


def answer(logits):
    print(tf.nn.softmax(logits))
