"""The training step with `tf.distribute`: on several devices of one machine, or on several machines.

Every replica has a copy of all weights and takes its share of each batch. All replicas apply the mean of their
gradients, so the copies stay equal. A replica is a device of this machine (`mirrored`) or a worker process that
`TF_CONFIG` lists (`multi-worker`). The first worker is the chief, whose checkpoints and summaries are kept.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from cifarlab.backend import tf
from cifarlab.config import ConfigError
from cifarlab.text import counted
from cifarlab.training.state import TrainState
from cifarlab.training.step import StepResult, apply_update, losses_and_gradients
from cifarlab.training.strategies.placement import short_device_name
from cifarlab.training.strategies.tf_config import Worker


class DistributedReplicas:
    """Runs the step on all replicas of a `tf.distribute` strategy; implements `strategy.Strategy`."""

    def __init__(self, strategy: tf.distribute.Strategy, worker: Worker | None = None) -> None:
        """Takes a `tf.distribute` strategy and, in a multi-worker job, this process's worker."""
        self.strategy, self.worker = strategy, worker
        self.num_replicas = strategy.num_replicas_in_sync
        self._here = len(strategy.extended.worker_devices)
        index = worker.index if worker else 0
        self.shard = (index, self.num_replicas // self._here)
        self.is_chief = index == 0

    def scope(self) -> AbstractContextManager:
        """Returns the strategy's scope, which creates each variable on every replica."""
        return self.strategy.scope()

    def check_state(self, state: TrainState) -> None:
        """Raises ConfigError for a network that was created before the strategy, and so is on one device only."""
        if not all(map(self.strategy.extended.variable_created_in_scope, state.network.trainable_variables)):
            raise ConfigError(
                "with tf.distribute, the network must be created in the strategy's scope; got one created earlier. "
                "Pass a function that creates it: train(config, network=lambda: MyNet())."
            )

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """Returns a step of the state, as a function of this process's share of a batch."""

        def replica_step(images: tf.Tensor, labels: tf.Tensor) -> StepResult:
            context = tf.distribute.get_replica_context()
            size = images.shape[0] // self._here
            first = size * (context.replica_id_in_sync_group - self._here * self.shard[0])
            mine = losses_and_gradients(state, images[first : first + size], labels[first : first + size])
            # The shares are equal, so the mean of the replicas' means is the mean of the whole batch.
            flat = context.all_reduce(tf.distribute.ReduceOp.MEAN, tf.nest.flatten(mine))
            return apply_update(state, *tf.nest.pack_sequence_as(mine, flat))

        def step(images: tf.Tensor, labels: tf.Tensor) -> StepResult:
            result = self.strategy.run(replica_step, args=(images, labels))
            return tf.nest.map_structure(lambda value: self.strategy.experimental_local_results(value)[0], result)

        return step

    def broadcast(self, state: TrainState) -> None:
        """Copies the chief's state, which may come from a checkpoint, to all other workers."""
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
        """Returns whether an error of a step means that another worker no longer responds."""
        gone = (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError, tf.errors.InternalError)
        return self.worker is not None and isinstance(error, (*gone, tf.errors.DeadlineExceededError))

    def describe(self, batch_size: int) -> str:
        """Returns one line about the number of replicas and their devices."""
        here = ", ".join(map(short_device_name, self.strategy.extended.worker_devices))
        line = f"{counted(self.num_replicas, 'replica')} of {counted(batch_size, 'image')} each"
        if self.worker:
            return f"{line}; this is worker {self.worker.index} of {len(self.worker.addresses)}, on {here}."
        return f"{line}, on {here}."
