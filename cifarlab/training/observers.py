"""What a run tells those who look at it; they never steer it."""

import dataclasses
from typing import Any, NamedTuple

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.training.state import TrainState


class StepRecord(NamedTuple):
    """What is told of a step every `log_frequency` steps; losses are those before the step's update.

    Attributes:
        step: updates done before this one.
        losses: by name, of this step's batch.
        averaged_losses: by name, their moving averages.
        learning_rate: that the update used.
        examples_per_second: since the record before.
        seconds_per_batch: since the record before, pauses apart.
        queue_fill: records in the shuffle queue.
        input_wait: seconds a batch that the step waited for its input, mean since the record before.
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
    """What an observer gets on the steps that it asks for, all of the weights before the update.

    Attributes:
        images: float32[B, 24, 24, 3], the batch as the network sees it.
        labels: int32[B].
        stages: NamedTuple of each stage's result.
        gradients: by variable name, such as "conv1/weights".
        variables: the weights themselves by name.
    """

    images: tf.Tensor
    labels: tf.Tensor
    stages: Any
    gradients: dict[str, tf.Tensor]
    variables: dict[str, tf.Tensor]


class Observer:
    """Looks at a run and never steers it; override what you want to be told of."""

    def on_start(self, run: "Run") -> None:
        """Before the first step; `run.state` is restored."""

    def wants_details(self, step: int) -> bool:
        """Whether `on_details` shall be called for this step; that costs a forward pass."""
        return False

    def on_details(self, record: StepRecord, details: StepDetails) -> None:
        """After a step that was asked for."""

    def on_step(self, record: StepRecord) -> None:
        """Every `log_frequency` steps."""

    def on_event(self, event: str, step: int, **values: Any) -> None:
        """After something else was logged: "pause", "learning_rate_factor" or "not_finite", with the log's values."""

    def on_checkpoint(self, step: int, path: str) -> None:
        """After a checkpoint was saved."""

    def on_end(self, run: "Run", reason: str) -> None:
        """After the last step, if it was told of the start; "max_steps", "stopped", "interrupted" or "failed"."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run is made of.

    Attributes:
        config: its settings.
        dataset: its pictures.
        state: weights, averages, step; changes as the run goes on.
        compiled_step: a step of this state as a `tf.function` of a batch's images and labels.
        first_step: where this session starts.
        resumed: whether it starts from a checkpoint of an earlier session.
        images_per_step: those of all towers or replicas together.
        is_chief: whether this process's checkpoints are kept; false for all but one of several processes.
        placement: one line about towers or replicas and their devices; "" where there are none.
        warnings: lines that a person should see.
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
        """The traced training graph."""
        return self.compiled_step.get_concrete_function().graph
