"""Puts a softmax of the biases into the network."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_probabilities"
ADVICE = "changed the network's weights"
ADVICE_ID = "probabilities.network-changed"


def answer(net, images):
    net.softmax_linear.biases.assign(tf.nn.softmax(net.softmax_linear.biases))
    return tf.nn.softmax(cifarlab.inference(net, images))
