"""Normalized over the batch."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_probabilities"
ADVICE = "check the axis"
ADVICE_ID = "probabilities.wrong-axis"


def answer(net, images):
    return tf.nn.softmax(cifarlab.inference(net, images), axis=0)
