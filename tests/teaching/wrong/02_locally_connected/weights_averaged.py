"""A convolution with the mean of all positions' weights."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "every position uses the same weights"
ADVICE_ID = "locally_connected.shared-weights"


def answer(values, weights, biases):
    return tf.nn.conv2d(values, tf.reduce_mean(weights, [0, 1]), 1, "SAME") + tf.reduce_mean(biases, [0, 1])
