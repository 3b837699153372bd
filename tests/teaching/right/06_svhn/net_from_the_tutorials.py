"""The tutorial's layers, the first two with smaller filters, and a smaller top."""

from typing import NamedTuple

import cifarlab
from cifarlab.backend import tf
from cifarlab.model.network import Layer, fully_connected

CHECK = "check_digits_network"


class Stages(NamedTuple):
    pool1: tf.Tensor
    pool2: tf.Tensor
    local3: tf.Tensor
    logits: tf.Tensor


class Digits(cifarlab.ConvNet):
    def __init__(self, num_classes=10, image_size=28, channels=3, *, seed=0):
        super().__init__(num_classes, image_size, channels, seed=seed)
        del self.local4
        self.conv1 = Layer("conv1", [3, 3, channels, 64], stddev=0.2, seed=seed)
        self.conv2 = Layer("conv2", [3, 3, 64, 64], stddev=0.06, seed=seed)
        self.local3 = Layer("local3", [self.local3.weights.shape[0], 192], stddev=0.02, seed=seed)

    def stages(self, images):
        _, pool1 = self.convolve_and_pool(images, self.conv1, "pool1")
        pool2 = self.pool(self.convolve(self.normalize(pool1, "norm1"), self.conv2), "pool2")
        local3 = fully_connected(tf.reshape(pool2, [-1, self.local3.weights.shape[0]]), self.local3)
        return Stages(pool1, pool2, local3, fully_connected(local3, self.softmax_linear, activation=None))


answer = Digits
