"""For lesson 5: moving averages of a run's weights with several decays, and their precision during the run."""

import copy
from collections.abc import Callable, Mapping

from cifarlab.backend import tf
from cifarlab.evaluation.evaluator import Predictor
from cifarlab.training.observers import Observer, Run, StepRecord

Decay = Callable[[int], float]
"""The decay of an average as a function of the number of updates, including the current one."""


def warmup_decay(decay: float) -> Decay:
    """Returns the tutorial's decay with warm-up: min(decay, (1 + step) / (10 + step)).

    >>> rule = warmup_decay(0.9999)
    >>> f"{rule(1):.4f} {rule(100):.4f} {rule(89_990):.4f}"
    '0.1818 0.9182 0.9999'
    """
    return lambda step: min(decay, (1 + step) / (10 + step))


def constant_decay(decay: float) -> Decay:
    """Returns a decay that is constant from the first update on.

    >>> constant_decay(0.9)(1)
    0.9
    """
    return lambda step: decay


RAW, AVERAGED = "raw weights", "averaged weights"


class WeightAverages(Observer):
    """Averages a run's weights with several decays, and evaluates each average during the run.

    The run must log every step: `TrainConfig(log_frequency=1)`.

    Attributes:
        networks: networks by name: `RAW`, the network that is trained; `AVERAGED`, the run's averages, which are used
            for evaluation; and one network per decay.
        steps: the number of updates at each evaluation.
        precision: precision @ 1 at each of `steps`, 0 to 1, by name.
    """

    def __init__(self, decays: Mapping[str, Decay], batches: tf.data.Dataset, every: int) -> None:
        """Starts without averages; they are created when the run starts.

        Args:
            decays: the decay of each average as a function of the step, by name.
            batches: test batches, as `inputs` returns.
            every: steps between two evaluations.
        """
        self.decays, self.batches, self.every = decays, batches.cache(), every
        self.networks: dict[str, tf.Module] = {}
        self.steps: list[int] = []
        self.precision: dict[str, list[float]] = {}

    def on_start(self, run: Run) -> None:
        """Initializes each average with the current weights.

        Raises:
            ValueError: the run does not log every step.
        """
        if run.config.log_frequency != 1:
            raise ValueError(f"log_frequency must be 1 to average every step; got {run.config.log_frequency}.")
        raw = run.state.network
        self.networks = {RAW: raw, AVERAGED: run.state.averages, **{name: copy.deepcopy(raw) for name in self.decays}}
        self._move = tf.function(self._update_averages)
        # Evaluates all averages with one network, whose graph is traced only once.
        self._predictor = Predictor(copy.deepcopy(raw))

    def on_step(self, record: StepRecord) -> None:
        """Updates the averages after a step, and evaluates them every `every` steps."""
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
