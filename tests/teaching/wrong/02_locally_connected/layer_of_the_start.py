"""Keeps using its initial weights."""

from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_layer"
ADVICE = "it computes with its initial weights"
ADVICE_ID = "local_layer.initial-weights-used"


class LocalLayer(network.Layer):
    def __init__(self, name, rows, columns, inputs, outputs, seed=0):
        super().__init__(name, [rows, columns, 3, 3, inputs, outputs], stddev=0.04, weight_decay=0.004, seed=seed)
        self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1), name=f"{name}/biases")
        self.flat = tf.reshape(self.weights, [rows, columns, -1, outputs])
        self.start = tf.identity(self.biases)

    def __call__(self, values):
        patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
        return tf.nn.relu(tf.einsum("bhwk,hwko->bhwo", patches, self.flat) + self.start)


answer = LocalLayer
