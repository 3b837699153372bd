"""A batch size from shape[0], which is unknown in tf.function."""

import cifarlab
from cifarlab.backend import tf
from cifarlab.model import network

CHECK = "check_local_network"
ADVICE = "do not use shape[0]"
ADVICE_ID = "local_network.not-compiled"


class LocalLayer(network.Layer):
    def __init__(self, name, inputs, outputs, seed):
        super().__init__(name, [6, 6, 3, 3, inputs, outputs], stddev=0.04, weight_decay=0.004, seed=seed)
        self.biases = tf.Variable(tf.fill([6, 6, outputs], 0.1), name=f"{name}/biases")

    def __call__(self, values):
        patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
        weights = tf.reshape(self.weights, [6, 6, -1, self.biases.shape[-1]])
        return tf.nn.relu(tf.einsum("bhwk,hwko->bhwo", patches, weights) + self.biases)


class LocallyConnected(cifarlab.ConvNet):
    def __init__(self, seed=0):
        super().__init__(seed=seed)
        self.local3 = LocalLayer("local3", 64, 64, seed)
        self.local4 = LocalLayer("local4", 64, 32, seed)
        self.softmax_linear = network.Layer("softmax_linear", [1152, 10], stddev=1 / 1152, seed=seed)

    def stages(self, images):
        conv1, pool1 = self.convolve_and_pool(images, self.conv1, "pool1")
        norm1 = self.normalize(pool1, "norm1")
        conv2 = self.convolve(norm1, self.conv2)
        norm2 = self.normalize(conv2, "norm2")
        pool2 = self.pool(norm2, "pool2")
        local3 = self.local3(pool2)
        local4 = self.local4(local3)
        logits = network.fully_connected(
            tf.reshape(local4, [images.shape[0], 1152]), self.softmax_linear, activation=None
        )
        return network.Stages(conv1, pool1, norm1, conv2, norm2, pool2, local3, local4, logits)


answer = LocallyConnected
