"""One set of weights for all positions."""

from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_layer"
ADVICE = "shared by all positions, as in a convolution"
ADVICE_ID = "local_layer.shared-weights"


class LocalLayer(network.Layer):
    def __init__(self, name, rows, columns, inputs, outputs, seed=0):
        super().__init__(name, [3, 3, inputs, outputs], stddev=0.04, bias=0.1, weight_decay=0.004, seed=seed)

    def __call__(self, values):
        return tf.nn.relu(tf.nn.conv2d(values, self.weights, 1, "SAME") + self.biases)


answer = LocalLayer
