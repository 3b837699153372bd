"""Where a step's numbers stopped being finite: found by taking the steps since the last checkpoint once more.

A run looks at its numbers only now and then. Since batches and draws are functions of (seed, step), the bad step can be
taken again from the state before it, and be looked into value by value.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import variable_name
from cifarlab.training.state import TrainState
from cifarlab.training.step import losses_and_gradients

Batch = tuple[tf.Tensor, tf.Tensor]


class StateSnapshot:
    """A run's state at its last checkpoint, and what was steered since, kept in memory.

    >>> from cifarlab.model.network import ConvNet
    >>> from cifarlab.training.step import train_step
    >>> state = TrainState(ConvNet())
    >>> snapshot, batch = StateSnapshot(state), (tf.zeros([2, 24, 24, 3]), tf.zeros([2], tf.int32))
    >>> for _ in range(3): _ = train_step(state, *batch)
    >>> _ = snapshot.replay_to(2, iter([batch] * 3), lambda images, labels: train_step(state, images, labels))
    >>> int(state.step)
    2
    """

    def __init__(self, state: TrainState) -> None:
        """Keeps a state as it is now."""
        self.state = state
        self.take()

    def take(self) -> None:
        """Keeps the state anew, as it is now."""
        self.step = int(self.state.step.numpy())
        self._values = [(variable, variable.numpy()) for variable in self.state.variables]
        self._factors: dict[int, float] = {}

    def record_factor(self, step: int, factor: float) -> None:
        """Keeps that the learning rate's factor was changed before a step."""
        self._factors[step] = factor

    def replay_to(self, step: int, batches: Iterator[Batch], run_step: Callable[..., Any]) -> Batch:
        """Takes the steps from the kept state up to one, which is not taken; returns that one's batch.

        Args:
            step: the state is afterwards as it was before it.
            batches: from the kept step on.
            run_step: a step, of a batch's images and labels.
        """
        for variable, value in self._values:
            variable.assign(value)
        for number in range(self.step, step + 1):
            if number in self._factors:
                self.state.learning_rate_factor.assign(self._factors[number])
            batch = next(batches)
            if number < step:
                run_step(*batch)
        return batch


def locate_nonfinite(state: TrainState, batch: Batch) -> str:
    """In words, the first numbers of a step that are not finite, in the order in which they are computed; "" if none.

    Args:
        state: as it is before the step; not changed.
        batch: the step's images and labels.

    >>> from cifarlab.model.network import ConvNet
    >>> state = TrainState(ConvNet())
    >>> state.network.conv2.biases.assign(tf.fill([64], float("inf"))).shape
    TensorShape([64])
    >>> locate_nonfinite(state, (tf.zeros([2, 24, 24, 3]), tf.zeros([2], tf.int32)))
    'the weights conv2/biases before the step (64 of 64 values)'
    """
    probe: Any = _Probe(state.network)
    seen_through = SimpleNamespace(network=probe, mixup=state.mixup, seed=state.seed, step=state.step, loss=state.loss)
    losses, gradients = losses_and_gradients(seen_through, *batch)  # type: ignore[arg-type]
    stages = probe.seen._asdict()
    order = {name: place for place, name in enumerate(stages)}
    variables = sorted(
        zip(state.network.trainable_variables, gradients, strict=True),
        key=lambda pair: order.get(variable_name(pair[0]).partition("/")[0], len(order)),
    )
    backward = [(variable_name(variable), gradient) for variable, gradient in reversed(variables)]
    numbers = [
        ("the images of the batch", batch[0]),
        *((f"the weights {variable_name(variable)} before the step", variable) for variable, _ in variables),
        *((f"the activations of {name}", values) for name, values in stages.items()),
        *((f"the loss {name}", value) for name, value in losses.by_name().items()),
        *((f"the gradient of {name}", gradient) for name, gradient in backward),
        *((f"the sum of the gradient of {name}", tf.reduce_sum(gradient)) for name, gradient in backward),
    ]
    return next((f"{words} ({wrong})" for words, values in numbers if (wrong := _count_nonfinite(values))), "")


class _Probe:
    """A network that keeps what its stages gave last."""

    def __init__(self, network: tf.Module) -> None:
        self._network, self.seen = network, None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    def stages(self, images: tf.Tensor) -> Any:
        self.seen = self._network.stages(images)
        return self.seen


def _count_nonfinite(values: tf.Tensor) -> str:
    """How many values are not finite; "" for none."""
    array = np.asarray(values)
    wrong = int(np.sum(~np.isfinite(array)))
    return f"{wrong:,} of {array.size:,} values" if wrong else ""


def save_batch(path: Path, step: int, batch: Batch) -> str:
    """Saves a batch for inspection: `np.load(path)` gives its images, labels and step; returns a sentence about it.

    Args:
        path: ends in .npz.
        step: whose batch it is.
        batch: images, float32[B, 24, 24, 3], as the network saw them, and labels, int32[B].
    """
    images, labels = batch
    try:
        np.savez(path, images=np.asarray(images), labels=np.asarray(labels), step=step)
    except OSError as error:
        path.unlink(missing_ok=True)
        return f"Its batch could not be saved to {path} ({error.strerror})."
    return f"Its batch is in {path}."
