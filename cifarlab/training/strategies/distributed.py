"""The same step under TensorFlow's distribution engine: on one machine's devices, or on several machines.

Every replica holds all weights, takes its own share of a batch, and all of them apply the mean of their gradients, so
that the copies never differ. A replica is a device of this machine (`mirrored`), or a process for each machine that
`TF_CONFIG` lists (`multi-worker`); the first of these is the chief, whose checkpoints and summaries are kept.
"""

import dataclasses
import json
from collections.abc import Callable
from contextlib import AbstractContextManager

from cifarlab.backend import tf
from cifarlab.config import ConfigError
from cifarlab.training.state import TrainState
from cifarlab.training.step import StepResult, apply_update, losses_and_gradients
from cifarlab.training.strategies.placement import short_device_name

TF_CONFIG_EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'


@dataclasses.dataclass(frozen=True)
class Worker:
    """This process's place in a job of several, as `TF_CONFIG` has it.

    Attributes:
        index: of this process among the workers; 0 is the chief.
        addresses: "host:port" of each worker.
    """

    index: int
    addresses: tuple[str, ...]


def parse_tf_config(text: str | None) -> Worker:
    """Reads the standard variable `TF_CONFIG`.

    Args:
        text: its value, or None where it is not set.

    Raises:
        ConfigError: it is not set, or does not describe a job of workers; the message shows one that does.

    >>> parse_tf_config(TF_CONFIG_EXAMPLE)
    Worker(index=0, addresses=('host0:2222', 'host1:2222'))
    """
    try:
        settings = json.loads(text or "")
        addresses, task = settings["cluster"]["worker"], settings["task"]
        worker = Worker(int(task["index"]), tuple(map(str, addresses)))
        if task["type"] == "worker" and isinstance(addresses, list) and 0 <= worker.index < len(addresses):
            return worker
    except (ValueError, KeyError, TypeError):
        pass
    raise ConfigError(
        f"multi-worker training needs TF_CONFIG to list all workers and to say which this is, such as "
        f"{TF_CONFIG_EXAMPLE}; got {text or 'nothing'}."
    )


class DistributedReplicas:
    """Steps of all replicas of a `tf.distribute` strategy; see `strategies.Strategy` for what the loop asks of it."""

    def __init__(self, strategy: tf.distribute.Strategy, worker: Worker | None = None) -> None:
        """Takes a strategy, and for several processes this one's place among them."""
        self.strategy, self.worker = strategy, worker
        self.num_replicas = strategy.num_replicas_in_sync
        self._here = len(strategy.extended.worker_devices)
        index = worker.index if worker else 0
        self.shard = (index, self.num_replicas // self._here)
        self.is_chief = index == 0

    def scope(self) -> AbstractContextManager:
        """Where the state is made: each variable on every replica."""
        return self.strategy.scope()

    def check_state(self, state: TrainState) -> None:
        """Raises ConfigError for a network that was made before the strategy, and so is on one device only."""
        if not all(map(self.strategy.extended.variable_created_in_scope, state.network.trainable_variables)):
            raise ConfigError(
                "under tf.distribute a network has to be made in the strategy's scope; got one that was made before. "
                "Pass a function that makes it: train(config, network=lambda: MyNet())."
            )

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """The step as a function of this process's share of a batch."""

        def replica_step(images: tf.Tensor, labels: tf.Tensor) -> StepResult:
            context = tf.distribute.get_replica_context()
            size = images.shape[0] // self._here
            first = size * (context.replica_id_in_sync_group - self._here * self.shard[0])
            mine = losses_and_gradients(state, images[first : first + size], labels[first : first + size])
            # Equal shares: the mean of the replicas' means is that of the whole batch.
            flat = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.nest.flatten(mine))
            return apply_update(state, *tf.nest.pack_sequence_as(mine, flat))

        def step(images: tf.Tensor, labels: tf.Tensor) -> StepResult:
            result = self.strategy.run(replica_step, args=(images, labels))
            return tf.nest.map_structure(lambda value: self.strategy.experimental_local_results(value)[0], result)

        return step

    def broadcast(self, state: TrainState) -> None:
        """Gives the chief's values, which it may have read from a checkpoint, to all others."""
        if not self.worker:
            return

        @tf.function
        def everywhere() -> None:
            def replica() -> None:
                context = tf.distribute.get_replica_context()
                for variable in state.variables:
                    value = variable if self.is_chief and context.replica_id_in_sync_group == 0 else 0 * variable
                    variable.assign(context.all_reduce(tf.distribute.ReduceOp.SUM, value))

            self.strategy.run(replica)

        everywhere()

    def is_worker_failure(self, error: tf.errors.OpError) -> bool:
        """Whether an error of a step means that another process no longer answers."""
        gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError)
        return self.worker is not None and isinstance(error, (*gone, tf.errors.DeadlineExceededError))

    def describe(self, batch_size: int) -> str:
        """One line: how many replicas there are, and where."""
        here = ", ".join(map(short_device_name, self.strategy.extended.worker_devices))
        line = f"{self.num_replicas} replicas of {batch_size} images each"
        if self.worker:
            return f"{line}; this is worker {self.worker.index} of {len(self.worker.addresses)}, on {here}."
        return f"{line}, on {here}."
