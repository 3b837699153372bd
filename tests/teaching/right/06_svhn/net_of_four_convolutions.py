"""Four convolutions and one local layer, as in the solution."""

import collections

import numpy as np

import cifarlab
from cifarlab.backend import tf
from cifarlab.model.network import Layer, fully_connected

CHECK = "check_digits_network"


class Digits(cifarlab.ConvNet):
    def __init__(self, num_classes=10, image_size=28, channels=3, *, seed=0):
        tf.Module.__init__(self, name="digits")
        self.fast_ops = True

        def layer(name, *shape):
            return Layer(name, list(shape), stddev=float(np.sqrt(2 / np.prod(shape[:-1]))), seed=seed)

        self.conv1 = layer("conv1", 5, 5, channels, 32)
        self.conv2 = layer("conv2", 3, 3, 32, 64)
        self.conv3 = layer("conv3", 3, 3, 64, 128)
        self.local = layer("local", 128 * (-(-image_size // 8)) ** 2, 256)
        self.last = Layer("last", [256, num_classes], stddev=1 / 256, seed=seed)

    def stages(self, images):
        conv1 = self.pool(self.convolve(images, self.conv1), "pool1")
        conv2 = self.pool(self.convolve(conv1, self.conv2), "pool2")
        conv3 = self.pool(self.convolve(conv2, self.conv3), "pool3")
        local = fully_connected(tf.reshape(conv3, [-1, self.local.weights.shape[0]]), self.local)
        logits = fully_connected(local, self.last, activation=None)
        found = {"conv1": conv1, "conv2": conv2, "conv3": conv3, "local": local, "logits": logits}
        return collections.namedtuple("Found", found)(**found)


answer = Digits
