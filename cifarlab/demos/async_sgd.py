"""For lesson 6: a simulation of synchronous and asynchronous SGD with towers of different speed.

A schedule says when each tower computes and when its gradients are applied. It is computed, not measured, so it is the
same on every machine and a lesson can train with it; real asynchronous runs differ every time.
"""

import heapq
import itertools
from collections.abc import Sequence
from typing import NamedTuple

from cifarlab.backend import tf
from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import distorted_inputs, inputs
from cifarlab.model.losses import loss
from cifarlab.model.network import Layer, fully_connected
from cifarlab.training.state import TrainState
from cifarlab.training.step import losses_and_gradients
from cifarlab.training.strategies.towers import average_gradients


class TowerStep(NamedTuple):
    """One tower's computation on one batch.

    Attributes:
        tower: index of the tower.
        start: time at which it reads the weights, in units of time.
        end: time at which its gradients are ready.
        weights_version: the number of updates before the weights were read.
        update_index: the number of updates before its gradients are applied.
    """

    tower: int
    start: int
    end: int
    weights_version: int
    update_index: int

    @property
    def staleness(self) -> int:
        """Returns the age of the weights, in updates, when their gradients are applied.

        >>> TowerStep(tower=1, start=0, end=3, weights_version=0, update_index=5).staleness
        5
        """
        return self.update_index - self.weights_version


def synchronous_schedule(durations: Sequence[int], until: int) -> list[TowerStep]:
    """Returns the schedule of towers that wait for the slowest one, and then make one update together.

    Args:
        durations: computing time of each tower, in units of time.
        until: the time of the last possible update.

    Returns:
        Steps in the order of their updates, and within an update in the order of the towers.

    >>> [(step.tower, step.start, step.end, step.update_index) for step in synchronous_schedule([1, 2], until=5)]
    [(0, 0, 1, 0), (1, 0, 2, 0), (0, 2, 3, 1), (1, 2, 4, 1)]
    """
    slowest = max(durations)
    return [
        TowerStep(tower, slowest * update, slowest * update + duration, update, update)
        for update in range(until // slowest)
        for tower, duration in enumerate(durations)
    ]


def asynchronous_schedule(durations: Sequence[int], until: int) -> list[TowerStep]:
    """Returns the schedule of towers that never wait: each applies its gradients and reads the weights again.

    Args:
        durations: computing time of each tower, in units of time.
        until: the time of the last possible update.

    Returns:
        Steps in the order of their updates; towers that end at the same time come in their order.

    >>> [(step.tower, step.end, step.staleness) for step in asynchronous_schedule([1, 2], until=3)]
    [(0, 1, 0), (0, 2, 0), (1, 2, 2), (0, 3, 1)]
    """
    working = [(duration, tower, 0, 0) for tower, duration in enumerate(durations)]  # end, tower, start, read
    heapq.heapify(working)
    steps: list[TowerStep] = []
    while working[0][0] <= until:
        end, tower, start, read = heapq.heappop(working)
        steps.append(TowerStep(tower, start, end, read, update_index=len(steps)))
        heapq.heappush(working, (end + durations[tower], tower, end, len(steps)))
    return steps


TEST_IMAGES = 128
"""The number of test images on which the loss is measured after each update."""


class SmallNet(tf.Module):
    """Two convolutions with stride 2 and a softmax layer; it needs 1/30 of the tutorial's multiply-adds.

    >>> SmallNet(24, 10).stages(tf.zeros([2, 24, 24, 3]))[-1].shape
    TensorShape([2, 10])
    """

    def __init__(self, image_size: int, num_classes: int, seed: int = 0) -> None:
        """Creates the three layers."""
        super().__init__(name="small_net")
        side = -(-image_size // 4)  # two strides of 2: 24 -> 12 -> 6
        self.conv1 = Layer("conv1", [5, 5, 3, 16], stddev=0.1, seed=seed)
        self.conv2 = Layer("conv2", [5, 5, 16, 32], stddev=0.07, seed=seed)
        self.softmax_linear = Layer("softmax_linear", [32 * side**2, num_classes], stddev=0.01, seed=seed)

    def stages(self, images: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Returns the outputs of the three layers, with the logits last."""
        conv1 = self._convolve(images, self.conv1)
        conv2 = self._convolve(conv1, self.conv2)
        flat = tf.reshape(conv2, [len(images), -1])
        return conv1, conv2, fully_connected(flat, self.softmax_linear, activation=None)

    def _convolve(self, images: tf.Tensor, layer: Layer) -> tf.Tensor:
        return tf.nn.relu(tf.nn.conv2d(images, layer.weights, 2, "SAME") + layer.biases)


class AsyncSGDSimulation:
    """A small network with its batches and test images, to train with any schedule of updates.

    Attributes:
        batches: batches of images and labels, the same for every simulation.
    """

    def __init__(self, dataset: DataSet, *, batches: int = 192, batch_size: int = 32, seed: int = 0) -> None:
        """Creates the network and reads batches of training images.

        Args:
            dataset: the dataset.
            batches: the number of batches.
            batch_size: images per batch; each tower takes one batch at a time.
            seed: seed of the initial weights and of the batches.
        """
        self._state = TrainState(SmallNet(dataset.crop_size, dataset.num_classes, seed))
        self._weights = self._state.network.trainable_variables
        self._first = [tf.identity(weight) for weight in self._weights]
        self._test_images, self._test_labels = next(iter(inputs(dataset, "test", TEST_IMAGES)))
        self.batches = list(distorted_inputs(dataset, batch_size, seed=seed).take(batches))

    def reset(self) -> None:
        """Restores the initial weights."""
        for weight, value in zip(self._weights, self._first, strict=True):
            weight.assign(value)

    @tf.function
    def gradients(self, images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        """Returns the gradients of a batch's loss with the current weights."""
        return losses_and_gradients(self._state, images, labels)[1]

    def apply_gradients(self, gradients: list[tf.Tensor], rate: float = 0.1) -> None:
        """Updates the weights with gradients, which may have been computed with older weights."""
        self._apply_gradients(gradients, tf.constant(rate))

    def test_loss(self) -> float:
        """Returns the cross-entropy on the first test images, in nats."""
        return float(self._test_loss())

    def run(self, schedule: Sequence[TowerStep], rate: float = 0.1) -> tuple[list[int], list[float]]:
        """Trains with a schedule, starting from the initial weights; each tower uses the weights that it read.

        Args:
            schedule: steps in the order of their updates; each takes the next batch, and batches repeat.
            rate: the learning rate.

        Returns:
            times: times of the updates, in the units of the schedule.
            losses: losses on the test images after each update, in nats.
        """
        self.reset()
        stream = itertools.cycle(self.batches)
        held = {tower: self.gradients(*next(stream)) for tower in sorted({step.tower for step in schedule})}
        times, losses = [], []
        for _, together in itertools.groupby(schedule, key=lambda step: step.update_index):
            update = list(together)
            self.apply_gradients(average_gradients([held[step.tower] for step in update]), rate)
            times.append(max(step.end for step in update))
            losses.append(self.test_loss())
            for step in update:  # the tower reads the weights again and computes its next gradients
                held[step.tower] = self.gradients(*next(stream))
        return times, losses

    @tf.function
    def _apply_gradients(self, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
        for weight, gradient in zip(self._weights, gradients, strict=True):
            weight.assign_sub(rate * gradient)

    @tf.function
    def _test_loss(self) -> tf.Tensor:
        logits = self._state.network.stages(self._test_images)[-1]
        return loss(self._state.network, logits, self._test_labels).cross_entropy
