"""How a step is carried out: on one device, in towers, or under `tf.distribute`."""

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.training.state import TrainState
from cifarlab.training.step import StepResult, train_step
from cifarlab.training.strategies.distributed import DistributedReplicas, parse_tf_config
from cifarlab.training.strategies.placement import describe_towers, tower_devices
from cifarlab.training.strategies.towers import CPU, tower_step


class Strategy(Protocol):
    """What the loop asks of each.

    Attributes:
        num_replicas: that share a step, in all processes together; each takes `batch_size` images.
        shard: this process's place and the number of processes; each reads its own share of every batch.
        is_chief: whether this process keeps checkpoints and summaries.
    """

    num_replicas: int
    shard: tuple[int, int]
    is_chief: bool

    def scope(self) -> AbstractContextManager:
        """Where the state is made."""

    def check_state(self, state: TrainState) -> None:
        """Raises ConfigError when the state was not made in the scope and needs to be."""

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """The step as a function of this process's images and labels, for `tf.function`."""

    def broadcast(self, state: TrainState) -> None:
        """Gives the chief's restored values to all other processes."""

    def is_worker_failure(self, error: tf.errors.OpError) -> bool:
        """Whether an error of a step means that another process no longer answers."""

    def describe(self, batch_size: int) -> str:
        """One line about replicas and devices, or "" where there is one of each."""


class OneDevice:
    """`train_step` wherever TensorFlow puts it."""

    num_replicas, shard, is_chief = 1, (0, 1), True

    def scope(self) -> AbstractContextManager:
        """Anywhere."""
        return nullcontext()

    def check_state(self, state: TrainState) -> None:
        """Any state will do."""

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """`train_step` of a state."""
        return functools.partial(train_step, state)

    def broadcast(self, state: TrainState) -> None:
        """There are no others."""

    def is_worker_failure(self, error: tf.errors.OpError) -> bool:
        """There are no others."""
        return False

    def describe(self, batch_size: int) -> str:
        """Nothing to say."""
        return ""


class Towers(OneDevice):
    """`tower_step` on one device a tower, its variables on the CPU."""

    def __init__(self, devices: list[str]) -> None:
        """A tower for each device."""
        self.devices, self.num_replicas = devices, len(devices)

    def scope(self) -> AbstractContextManager:
        """The CPU."""
        return tf.device(CPU)

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """`tower_step` of a state."""
        return functools.partial(tower_step, state, devices=self.devices)

    def describe(self, batch_size: int) -> str:
        """Which tower is where."""
        return describe_towers(self.devices, batch_size)


def check_tf_config(config: TrainConfig) -> None:
    """Says what is wrong with `TF_CONFIG` before anything is downloaded or connected.

    Raises:
        ConfigError: it is needed, and does not describe the workers.
    """
    if config.strategy == "multi-worker":
        parse_tf_config(os.environ.get("TF_CONFIG"))


def make_strategy(config: TrainConfig) -> Strategy:
    """The strategy that a config asks for; from then on the process is deterministic if the config says so.

    Raises:
        ConfigError: its devices are not there, or `TF_CONFIG` does not describe the workers.
    """
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    if config.strategy == "multi-worker":
        worker = parse_tf_config(os.environ.get("TF_CONFIG"))
        return DistributedReplicas(tf.distribute.MultiWorkerMirroredStrategy(), worker)
    devices = tower_devices(config.num_gpus, virtual=config.virtual_devices)
    if config.strategy == "mirrored":
        if len(set(devices)) < config.num_gpus:
            raise ConfigError(
                f"the mirrored strategy puts one replica on a device; got num_gpus = {config.num_gpus} and "
                f"{len(set(devices))} of them here. Choose a smaller --num-gpus, or add --virtual-devices."
            )
        # The default for CPUs, collective operations, fails on the second strategy of another size in a process.
        on_cpus = tf.distribute.ReductionToOneDevice() if "CPU" in devices[0] else None
        return DistributedReplicas(tf.distribute.MirroredStrategy(devices, cross_device_ops=on_cpus))
    return OneDevice() if config.num_gpus == 1 else Towers(devices)
