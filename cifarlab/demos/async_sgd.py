"""A simulation of synchronous and asynchronous SGD, for lesson 6: whose update comes when, and training in that order.

A timetable says when each tower computes and when its gradients are applied. It is computed, not measured, so that it
is the same on every machine and a lesson can train by it: real asynchronous runs differ every time.
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
    """One tower's work on one share of images.

    Attributes:
        tower: its number.
        start: when it reads the weights, in units of time.
        end: when its gradients are ready.
        weights_version: how many updates the weights had seen when they were read.
        update_index: how many they had seen when these gradients are applied.
    """

    tower: int
    start: int
    end: int
    weights_version: int
    update_index: int

    @property
    def staleness(self) -> int:
        """How many updates old the weights are that these gradients were computed on.

        >>> TowerStep(tower=1, start=0, end=3, weights_version=0, update_index=5).staleness
        5
        """
        return self.update_index - self.weights_version


def synchronous_schedule(durations: Sequence[int], until: int) -> list[TowerStep]:
    """The timetable of towers that all wait for the slowest, and then make one update together.

    Args:
        durations: by tower, units of time that it computes.
        until: the last update is due by then.

    Returns:
        turns in the order of their updates, those of one update in the order of the towers.

    >>> [(turn.tower, turn.start, turn.end, turn.update_index) for turn in synchronous_schedule([1, 2], until=5)]
    [(0, 0, 1, 0), (1, 0, 2, 0), (0, 2, 3, 1), (1, 2, 4, 1)]
    """
    slowest = max(durations)
    return [
        TowerStep(tower, slowest * update, slowest * update + duration, update, update)
        for update in range(until // slowest)
        for tower, duration in enumerate(durations)
    ]


def asynchronous_schedule(durations: Sequence[int], until: int) -> list[TowerStep]:
    """The timetable of towers that wait for nobody: each applies its own gradients and reads the weights again.

    Args:
        durations: by tower, units of time that it computes.
        until: the last update is due by then.

    Returns:
        turns in the order of their updates; of towers that end at the same time the first by number comes first.

    >>> [(turn.tower, turn.end, turn.staleness) for turn in asynchronous_schedule([1, 2], until=3)]
    [(0, 1, 0), (0, 2, 0), (1, 2, 2), (0, 3, 1)]
    """
    working = [(duration, tower, 0, 0) for tower, duration in enumerate(durations)]  # end, tower, start, read
    heapq.heapify(working)
    turns: list[TowerStep] = []
    while working[0][0] <= until:
        end, tower, start, read = heapq.heappop(working)
        turns.append(TowerStep(tower, start, end, read, update_index=len(turns)))
        heapq.heappush(working, (end + durations[tower], tower, end, len(turns)))
    return turns


TEST_IMAGES = 128
"""On which a simulation measures its loss after each update."""


class SmallNet(tf.Module):
    """Two convolutions of stride 2 and a softmax layer: a thirtieth of the tutorial's multiply-adds.

    >>> SmallNet(24, 10).stages(tf.zeros([2, 24, 24, 3]))[-1].shape
    TensorShape([2, 10])
    """

    def __init__(self, image_size: int, num_classes: int, seed: int = 0) -> None:
        """Makes the three layers."""
        super().__init__(name="small_net")
        side = -(-image_size // 4)  # two strides of 2: 24 -> 12 -> 6
        self.conv1 = Layer("conv1", [5, 5, 3, 16], stddev=0.1, seed=seed)
        self.conv2 = Layer("conv2", [5, 5, 16, 32], stddev=0.07, seed=seed)
        self.softmax_linear = Layer("softmax_linear", [32 * side**2, num_classes], stddev=0.01, seed=seed)

    def stages(self, images: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """The results of the three layers, the logits last."""
        conv1 = self._convolve(images, self.conv1)
        conv2 = self._convolve(conv1, self.conv2)
        flat = tf.reshape(conv2, [len(images), -1])
        return conv1, conv2, fully_connected(flat, self.softmax_linear, activation=None)

    def _convolve(self, images: tf.Tensor, layer: Layer) -> tf.Tensor:
        return tf.nn.relu(tf.nn.conv2d(images, layer.weights, 2, "SAME") + layer.biases)


class AsyncSGDSimulation:
    """A small network, its batches and its test pictures, to train in an order of updates of one's own.

    Attributes:
        batches: of images and labels, the same for every run.
    """

    def __init__(self, dataset: DataSet, *, batches: int = 192, batch_size: int = 32, seed: int = 0) -> None:
        """Makes the network and takes so many batches of training images.

        Args:
            dataset: whose images to take.
            batches: their number.
            batch_size: images a batch; each tower takes one.
            seed: of the first weights and of the batches.
        """
        self._state = TrainState(SmallNet(dataset.crop_size, dataset.num_classes, seed))
        self._weights = self._state.network.trainable_variables
        self._first = [tf.identity(weight) for weight in self._weights]
        self._test_images, self._test_labels = next(iter(inputs(dataset, "test", TEST_IMAGES)))
        self.batches = list(distorted_inputs(dataset, batch_size, seed=seed).take(batches))

    def reset(self) -> None:
        """Puts the first weights back, so that all runs start alike."""
        for weight, value in zip(self._weights, self._first, strict=True):
            weight.assign(value)

    @tf.function
    def gradients(self, images: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
        """The gradients of a batch's loss on the weights as they are now."""
        return losses_and_gradients(self._state, images, labels)[1]

    def apply_gradients(self, gradients: list[tf.Tensor], rate: float = 0.1) -> None:
        """Moves the weights by these gradients, wherever they were computed."""
        self._apply_gradients(gradients, tf.constant(rate))

    def test_loss(self) -> float:
        """The cross-entropy on the first test pictures, in nats."""
        return float(self._test_loss())

    def run(self, schedule: Sequence[TowerStep], rate: float = 0.1) -> tuple[list[int], list[float]]:
        """Trains from the first weights by a timetable: each tower's gradients are of the weights that it read.

        Args:
            schedule: in the order of their updates; each takes the next batch, after the last one the first again.
            rate: the learning rate.

        Returns:
            times: of the updates, in the timetable's units.
            losses: on the test pictures after each of them, in nats.
        """
        self.reset()
        stream = itertools.cycle(self.batches)
        held = {tower: self.gradients(*next(stream)) for tower in sorted({turn.tower for turn in schedule})}
        times, losses = [], []
        for _, together in itertools.groupby(schedule, key=lambda turn: turn.update_index):
            update = list(together)
            self.apply_gradients(average_gradients([held[turn.tower] for turn in update]), rate)
            times.append(max(turn.end for turn in update))
            losses.append(self.test_loss())
            for turn in update:  # it reads the weights again, and starts on its next batch
                held[turn.tower] = self.gradients(*next(stream))
        return times, losses

    @tf.function
    def _apply_gradients(self, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
        for weight, gradient in zip(self._weights, gradients, strict=True):
            weight.assign_sub(rate * gradient)

    @tf.function
    def _test_loss(self) -> tf.Tensor:
        logits = self._state.network.stages(self._test_images)[-1]
        return loss(self._state.network, logits, self._test_labels).cross_entropy
