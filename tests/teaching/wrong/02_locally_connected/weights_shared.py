"""A convolution: the first position's weights everywhere."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "that is a convolution"
ADVICE_ID = "locally_connected.shared-weights"


def answer(values, weights, biases):
    return tf.nn.conv2d(values, weights[0, 0], 1, "SAME") + biases
