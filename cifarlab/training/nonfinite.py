"""Finds where numbers stopped being finite, by replaying the steps since the last checkpoint.

A run checks its numbers only when it logs or saves. Batches and random draws depend only on the seed and the step, so
the bad step can be replayed from the state before it, and its values inspected one by one.
"""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from cifarlab.backend import tf
from cifarlab.model.network import variable_name
from cifarlab.training.observers import Run
from cifarlab.training.state import TrainState
from cifarlab.training.step import losses_and_gradients

Batch = tuple[tf.Tensor, tf.Tensor]


class StateSnapshot:
    """A copy, in the host's memory, of a run's state at its last checkpoint, and of the changes made through `Control`.

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
        """Copies the present values of a state."""
        self.state = state
        self.take()

    def take(self) -> None:
        """Replaces the copy with the present values."""
        self.step = int(self.state.step.numpy())
        self._values = [(variable, variable.numpy()) for variable in self.state.variables]
        self._factors: dict[int, float] = {}

    def record_factor(self, step: int, factor: float) -> None:
        """Records that the learning rate factor was changed before a step."""
        self._factors[step] = factor

    def replay_to(self, step: int, batches: Iterator[Batch], run_step: Callable[..., Any]) -> Batch:
        """Restores the copy, replays the steps before `step`, and returns the batch of `step`, which is not replayed.

        Args:
            step: the state is left as it was before this step.
            batches: the run's batches from the copied step on.
            run_step: takes one step, given a batch's images and labels.
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


@dataclasses.dataclass(frozen=True)
class NonfiniteStep:
    """What was found by replaying the first step that was not finite.

    Attributes:
        step: the step.
        place: the first values in it that are not finite, in words; "" if the replayed step was finite.
        batch_file: name of the file in the run's directory that holds its batch; None if there is none.
        batch_note: a sentence about that file; "" for a worker other than the chief.
    """

    step: int
    place: str
    batch_file: str | None
    batch_note: str

    def message(self, last_checkpoint: str) -> str:
        """The error's text, in one line, with a sentence about the last checkpoint."""
        if self.place:
            finding = f"It begins with {self.place}."
        else:
            finding = "When replayed, the step was finite, so this device is not deterministic."
        return (
            f"the loss or a gradient of step {self.step} is infinite or NaN; training stopped. {finding} "
            f"{self.batch_note} {last_checkpoint} The learning rate is probably too high: resume with a smaller "
            "--initial-learning-rate."
        ).replace("  ", " ")


def explain_nonfinite(run: Run, snapshot: StateSnapshot, step: int, batches: Iterator[Batch]) -> NonfiniteStep:
    """Replays a run up to a step that was not finite, finds the first bad values, and saves the step's batch.

    Args:
        run: its state is left as it was before the step.
        snapshot: the state at the last checkpoint.
        step: the first step whose loss or gradient was not finite.
        batches: the run's batches from the snapshot's step on.
    """
    batch = snapshot.replay_to(step, batches, run.compiled_step)
    path = Path(run.config.train_dir) / f"not_finite-{step}.npz"
    note = save_batch(path, step, batch) if run.is_chief else ""
    place = locate_nonfinite(run.state, batch)
    return NonfiniteStep(step, place, path.name if path.exists() else None, note)


def locate_nonfinite(state: TrainState, batch: Batch) -> str:
    """Names the first values of a step that are not finite, in the order in which they are computed; "" if all are.

    Args:
        state: the state before the step; not changed.
        batch: the step's images, float32[B, 24, 24, 3], and labels, int32[B].

    >>> from cifarlab.model.network import ConvNet
    >>> state = TrainState(ConvNet())
    >>> state.network.conv2.biases.assign(tf.fill([64], float("inf"))).shape
    TensorShape([64])
    >>> locate_nonfinite(state, (tf.zeros([2, 24, 24, 3]), tf.zeros([2], tf.int32)))
    'the weights conv2/biases before the step (64 of 64 values)'
    """
    probe: Any = _Probe(state.network)
    seen_through = SimpleNamespace(**{**vars(state), "network": probe})
    kept = [(variable, variable.numpy()) for variable in state.network.non_trainable_variables]  # a step changes them
    losses, gradients = losses_and_gradients(seen_through, *batch)  # type: ignore[arg-type]
    for variable, value in kept:
        variable.assign(value)
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
    """A network that remembers the latest results of its stages."""

    def __init__(self, network: tf.Module) -> None:
        self._network, self.seen = network, None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._network, name)

    @property
    def stages(self) -> Callable[..., Any]:
        stages = self._network.stages

        @functools.wraps(stages)  # with the same arguments
        def remembered(*arguments: Any, **settings: Any) -> Any:
            self.seen = stages(*arguments, **settings)
            return self.seen

        return remembered


def _count_nonfinite(values: tf.Tensor) -> str:
    """Says how many values are not finite; "" for none."""
    array = np.asarray(values)
    wrong = int(np.sum(~np.isfinite(array)))
    return f"{wrong:,} of {array.size:,} values" if wrong else ""


def save_batch(path: Path, step: int, batch: Batch) -> str:
    """Saves a batch for inspection with `np.load`, and returns a sentence that says where, or why it could not.

    Args:
        path: an .npz file; it will contain the arrays `images`, `labels` and `step`.
        step: the step that uses the batch.
        batch: images, float32[B, 24, 24, 3], as the network sees them, and labels, int32[B].
    """
    images, labels = batch
    try:
        np.savez(path, images=np.asarray(images), labels=np.asarray(labels), step=step)
    except OSError as error:
        path.unlink(missing_ok=True)
        return f"Its batch could not be saved to {path} ({error.strerror})."
    return f"Its batch is in {path}."
