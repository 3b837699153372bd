"""A small network that records what exercise 5's check of the towers needs to know."""

from types import SimpleNamespace
from typing import Any

from cifarlab.backend import tf
from cifarlab.model.network import ConvNet, Stages
from cifarlab.training.strategies.placement import short_device_name


class RecordingNet(ConvNet):
    """A small network that records its images and the devices of its forward and backward passes."""

    def __init__(self, seed: int) -> None:
        """Draws weights similar to trained ones."""
        super().__init__(10, 8, seed=seed, fast_ops=False, weight_decay=0.05)
        # With the initial weights only the last layer has noticeable gradients.
        self.softmax_linear.weights.assign(self.softmax_linear.weights * 40)
        self.images_seen = tf.Variable(0, trainable=False, dtype=tf.int32)
        self.notes = SimpleNamespace(batches=[], forward=[], backward=[])

    def forget(self) -> SimpleNamespace:
        """Starts new notes; returns the old ones."""
        self.images_seen.assign(0)
        notes, self.notes = self.notes, SimpleNamespace(batches=[], forward=[], backward=[])
        return notes

    def stages(self, images: tf.Tensor) -> Stages:
        """Computes the stages, and records the batch and the devices that compute its logits and their gradient."""
        self.images_seen.assign_add(tf.shape(images)[0])
        self.notes.batches.append(images)

        @tf.custom_gradient
        def noted(logits: tf.Tensor) -> tuple:
            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                passed = tf.identity(upstream)
                self.notes.backward.append(short_device_name(passed.device))
                return passed

            passed = tf.identity(logits)
            self.notes.forward.append(short_device_name(passed.device))
            return passed, gradient

        stages: Any = super().stages(images)
        return stages._replace(softmax_linear=noted(stages.softmax_linear))
