"""For lesson 5: moving averages of a run's weights under several decays, and how good each is along the run."""

import copy
from collections.abc import Callable, Mapping

from cifarlab.backend import tf
from cifarlab.evaluation.evaluator import Predictor
from cifarlab.training.observers import Observer, Run, StepRecord

Decay = Callable[[int], float]
"""What an average keeps of its old value at an update, as a function of the updates done, the present one included."""


def warmup_decay(decay: float) -> Decay:
    """The tutorial's: min(decay, (1 + step) / (10 + step)).

    >>> rule = warmup_decay(0.9999)
    >>> f"{rule(1):.4f} {rule(100):.4f} {rule(89_990):.4f}"
    '0.1818 0.9182 0.9999'
    """
    return lambda step: min(decay, (1 + step) / (10 + step))


def constant_decay(decay: float) -> Decay:
    """The same decay from the first update on.

    >>> constant_decay(0.9)(1)
    0.9
    """
    return lambda step: decay


RAW, AVERAGED = "raw weights", "averaged weights"


class WeightAverages(Observer):
    """Averages a run's weights under several decays, and evaluates each average along the run.

    The run has to tell of each step: `TrainConfig(log_frequency=1)`.

    Attributes:
        networks: by name: `RAW`, the network that is trained; `AVERAGED`, the run's own averages, which evaluation
            uses; and one for each of the decays.
        steps: updates done at each evaluation.
        precision: by name, precision @ 1 at each of `steps`, 0 to 1.
    """

    def __init__(self, decays: Mapping[str, Decay], batches: tf.data.Dataset, every: int) -> None:
        """Has averaged nothing yet.

        Args:
            decays: by the name of the average, the decay as a function of the step.
            batches: what is evaluated on, as `inputs` returns.
            every: steps between two evaluations.
        """
        self.decays, self.batches, self.every = decays, batches.cache(), every
        self.networks: dict[str, tf.Module] = {}
        self.steps: list[int] = []
        self.precision: dict[str, list[float]] = {}

    def on_start(self, run: Run) -> None:
        """Starts each average from the weights as they are.

        Raises:
            ValueError: the run does not tell of each step.
        """
        if run.config.log_frequency != 1:
            raise ValueError(f"averages need to see each step: log_frequency = 1; got {run.config.log_frequency}.")
        raw = run.state.network
        self.networks = {RAW: raw, AVERAGED: run.state.averages, **{name: copy.deepcopy(raw) for name in self.decays}}
        self._move = tf.function(self._update_averages)
        # All are evaluated in one network's place, whose graph is traced once.
        self._predictor = Predictor(copy.deepcopy(raw))

    def on_step(self, record: StepRecord) -> None:
        """Moves the averages after an update, and evaluates when it is time."""
        updates = record.step + 1
        self._move(tf.constant([decay(updates) for decay in self.decays.values()], tf.float32))
        if updates % self.every == 0:
            self.steps.append(updates)
            for name, network in self.networks.items():
                self.precision.setdefault(name, []).append(
                    self._predictor.precision_with_weights(network.variables, self.batches)
                )

    def _update_averages(self, decays: tf.Tensor) -> None:
        raw = self.networks[RAW].trainable_variables
        for place, name in enumerate(self.decays):
            for average, variable in zip(self.networks[name].trainable_variables, raw, strict=True):
                average.assign_sub((1 - decays[place]) * (average - variable))
