"""The smallest network, for tests that are about the training loop: its step is built in half the time."""

from typing import NamedTuple

from cifarlab.backend import tf
from cifarlab.model.network import Layer, fully_connected


class Logits(NamedTuple):
    logits: tf.Tensor


class Linear(tf.Module):
    """A linear classifier of crops of 24."""

    def __init__(self):
        super().__init__(name="linear")
        self.layer = Layer("logits", [24 * 24 * 3, 10], stddev=0.01)

    def stages(self, images):
        return Logits(fully_connected(tf.reshape(images, [-1, 24 * 24 * 3]), self.layer, activation=None))
