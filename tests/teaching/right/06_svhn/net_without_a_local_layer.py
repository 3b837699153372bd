"""Only convolutions and the mean over all positions, with plain operations."""

from itertools import pairwise
from typing import NamedTuple

import cifarlab
from cifarlab.backend import tf
from cifarlab.model.network import Layer

CHECK = "check_digits_network"


class Stages(NamedTuple):
    convolved: tf.Tensor
    logits: tf.Tensor


class Digits(cifarlab.ConvNet):
    def __init__(self, num_classes=10, image_size=28, channels=3, *, seed=0):
        tf.Module.__init__(self, name="digits")
        widths = [channels, 32, 64, 96]
        self.filters = [
            Layer(f"conv{i}", [3, 3, before, after], stddev=(2 / 9 / before) ** 0.5, seed=seed)
            for i, (before, after) in enumerate(pairwise(widths))
        ]
        self.last = Layer("last", [96, num_classes], stddev=1 / 96, seed=seed)

    def stages(self, images):
        values = images
        for layer in self.filters:
            values = tf.nn.relu(tf.nn.conv2d(values, layer.weights, 1, "SAME") + layer.biases)
            values = tf.nn.max_pool2d(values, 3, 2, "SAME")
        means = tf.reduce_mean(values, [1, 2])
        return Stages(values, means @ self.last.weights + self.last.biases)


answer = Digits
