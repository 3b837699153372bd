"""A layer that creates its variables again."""

from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_layer"


class LocalLayer(network.Layer):
    """Locally connected."""

    def __init__(self, name, rows, columns, inputs, outputs, seed=0):
        weights = [rows, columns, 3, 3, inputs, outputs]
        super().__init__(name=name, shape=weights, stddev=4e-2, bias=0.1, weight_decay=4e-3, seed=seed)
        del self.biases
        initial = tf.broadcast_to(0.1, [rows, columns, outputs])
        self.biases = tf.Variable(initial, name=name + "/biases", trainable=True)

    @tf.function
    def __call__(self, values):
        height, width = self.biases.shape[:2]
        padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
        total = tf.identity(self.biases)
        for y in range(3):
            for x in range(3):
                window = padded[:, y : y + height, x : x + width]
                total = total + tf.einsum("bhwi,hwio->bhwo", window, self.weights[:, :, y, x])
        return tf.maximum(total, 0.0)


answer = LocalLayer
