"""Observers: hooks that are called as a run progresses. They must not change the run; `Control` does that."""

import dataclasses
from typing import Any, NamedTuple

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.training.state import TrainState


class StepRecord(NamedTuple):
    """The numbers that are logged every `log_frequency` steps. Losses are computed before the update.

    Attributes:
        step: the number of updates before this step.
        losses: the losses of this step's batch by name.
        averaged_losses: the moving averages of the losses by name.
        learning_rate: the learning rate of this step's update.
        examples_per_second: images per second since the previous record.
        seconds_per_batch: seconds per batch since the previous record, not counting pauses.
        queue_fill: the number of records in the shuffle queue.
        input_wait: mean seconds per batch spent waiting for input since the previous record.
    """

    step: int
    losses: dict[str, float]
    averaged_losses: dict[str, float]
    learning_rate: float
    examples_per_second: float
    seconds_per_batch: float
    queue_fill: int
    input_wait: float


class StepDetails(NamedTuple):
    """The tensors of one step, for observers that ask for them; all are computed before the update.

    Attributes:
        images: float32[B, 24, 24, 3], the batch as the network sees it.
        labels: int32[B].
        stages: NamedTuple of the output of each stage of the network.
        gradients: the gradients by variable name, such as "conv1/weights".
        variables: the weights before the update, by variable name.
    """

    images: tf.Tensor
    labels: tf.Tensor
    stages: Any
    gradients: dict[str, tf.Tensor]
    variables: dict[str, tf.Tensor]


class Observer:
    """The base class of observers. Override the hooks you need; none of them may change the run."""

    def on_waiting(self, line: str) -> None:
        """Called before `on_start`, every 30 s while the run waits for other workers; the line names them."""

    def on_start(self, run: "Run") -> None:
        """Called before the first step; `run.state` is already restored."""

    def wants_details(self, step: int) -> bool:
        """Returns whether `on_details` should be called for this step, which costs an extra forward pass."""
        return False

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """Called after a step for which `wants_details` returned true."""

    def on_step(self, record: StepRecord) -> None:
        """Called every `log_frequency` steps."""

    def on_event(self, event: str, step: int, **values: Any) -> None:
        """Called after any other event is logged: "pause", "learning_rate_factor" or "not_finite"; with its values."""

    def on_checkpoint(self, step: int, path: str) -> None:
        """Called after a checkpoint is saved."""

    def on_end(self, run: "Run", reason: str) -> None:
        """Called at the end if `on_start` was; `reason` is "max_steps", "stopped", "interrupted" or "failed"."""


@dataclasses.dataclass(frozen=True)
class Run:
    """The parts of a run.

    A run is one training directory with its settings, log and checkpoints. Several sessions may continue it; a session
    is one call of `train`.

    Attributes:
        config: the settings.
        dataset: the images and labels.
        state: weights, averages and step; changes during training.
        compiled_step: a step of this state as a `tf.function` of a batch's images and labels.
        first_step: the step at which this session starts.
        resumed: whether this session starts from a checkpoint of an earlier one.
        images_per_step: images per step of all towers or replicas together.
        is_chief: whether this process's checkpoints are kept; true for exactly one process of a run.
        placement: one line about the towers or replicas and their devices; "" without them.
        warnings: messages to show to the user, one per line.
    """

    config: TrainConfig
    dataset: DataSet
    state: TrainState
    compiled_step: Any
    first_step: int
    resumed: bool = False
    images_per_step: int = 0
    is_chief: bool = True
    placement: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def graph(self) -> tf.Graph:
        """Returns the traced training graph."""
        return self.compiled_step.get_concrete_function().graph
