"""network.Layer's own biases, one for each channel."""

from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_layer"
ADVICE = "shared by all positions, one per channel"
ADVICE_ID = "local_layer.shared-biases"


class LocalLayer(network.Layer):
    def __init__(self, name, rows, columns, inputs, outputs, seed=0):
        super().__init__(
            name, [rows, columns, 3, 3, inputs, outputs], stddev=0.04, bias=0.1, weight_decay=0.004, seed=seed
        )

    def __call__(self, values):
        patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
        rows, columns, *_, outputs = self.weights.shape
        summed = tf.einsum("bhwk,hwko->bhwo", patches, tf.reshape(self.weights, [rows, columns, -1, outputs]))
        return tf.nn.relu(summed + self.biases)


answer = LocalLayer
