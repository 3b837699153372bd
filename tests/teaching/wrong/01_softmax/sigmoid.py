"""A sigmoid of each logit."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "this is a sigmoid"
ADVICE_ID = "softmax.sigmoid"


def answer(logits):
    return tf.sigmoid(logits)
