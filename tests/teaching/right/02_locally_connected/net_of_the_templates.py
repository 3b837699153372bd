"""The lower stages of the tutorial's network, and a custom NamedTuple."""

import collections

import cifarlab
from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_network"


class LocalLayer(network.Layer):
    def __init__(self, name, inputs, outputs, seed):
        super().__init__(name, [6, 6, 3, 3, inputs, outputs], stddev=0.04, weight_decay=0.004, seed=seed)
        self.biases = tf.Variable(0.1 * tf.ones([6, 6, outputs]), name=f"{name}/biases")


def connect(values, layer):
    """Nine shifts of the values, each times its own weights."""
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    terms = [
        tf.einsum("brci,rcio->brco", padded[:, r : r + 6, c : c + 6], layer.weights[:, :, r, c])
        for r in range(3)
        for c in range(3)
    ]
    return tf.nn.relu(tf.add_n(terms) + layer.biases)


Stages = collections.namedtuple("Stages", network.Stages._fields)


class LocallyConnected(cifarlab.ConvNet):
    def __init__(self, seed=0):
        super().__init__(seed=seed, fast_ops=False)
        self.local3, self.local4 = LocalLayer("local3", 64, 64, seed), LocalLayer("local4", 64, 32, seed)
        self.softmax_linear = network.Layer("softmax_linear", [6 * 6 * 32, 10], stddev=1 / 1152, seed=seed)

    def stages(self, images):
        conv1 = self.convolve(images, self.conv1)
        pool1 = self.pool(conv1, "pool1")
        norm1 = self.normalize(pool1, "norm1")
        conv2 = self.convolve(norm1, self.conv2)
        norm2 = self.normalize(conv2, "norm2")
        pool2 = self.pool(norm2, "pool2")
        local3 = connect(pool2, self.local3)
        local4 = connect(local3, self.local4)
        flat = tf.reshape(local4, [tf.shape(images)[0], -1])
        logits = flat @ self.softmax_linear.weights + self.softmax_linear.biases
        return Stages(conv1, pool1, norm1, conv2, norm2, pool2, local3, local4, logits)


answer = LocallyConnected
