"""Biases for each position in addition to those for each channel."""

from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_layer"
ADVICE = "it holds 3"
ADVICE_ID = "local_layer.variable-count"


class LocalLayer(network.Layer):
    def __init__(self, name, rows, columns, inputs, outputs, seed=0):
        super().__init__(name, [rows, columns, 3, 3, inputs, outputs], stddev=0.04, weight_decay=0.004, seed=seed)
        self.shared = self.biases
        self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1), name=f"{name}/biases")

    def __call__(self, values):
        patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
        rows, columns, *_, outputs = self.weights.shape
        summed = tf.einsum("bhwk,hwko->bhwo", patches, tf.reshape(self.weights, [rows, columns, -1, outputs]))
        return tf.nn.relu(summed + self.biases)


answer = LocalLayer
