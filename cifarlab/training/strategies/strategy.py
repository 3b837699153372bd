"""The strategies that run a training step: on one device, in towers, or with `tf.distribute`."""

import functools
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.training.state import TrainState
from cifarlab.training.step import StepResult, train_step
from cifarlab.training.strategies.connection import check_port, connect
from cifarlab.training.strategies.distributed import DistributedReplicas
from cifarlab.training.strategies.placement import describe_towers, tower_devices
from cifarlab.training.strategies.tf_config import parse_tf_config
from cifarlab.training.strategies.towers import CPU, tower_step


class Strategy(Protocol):
    """The interface between the training loop and a strategy.

    Attributes:
        num_replicas: the number of replicas of all processes together; each takes `batch_size` images per step.
        shard: (index of this process, number of processes); each process reads its own share of every batch.
        is_chief: whether this process keeps its checkpoints and summaries.
    """

    num_replicas: int
    shard: tuple[int, int]
    is_chief: bool

    def scope(self) -> AbstractContextManager:
        """Returns the context in which the state must be created."""

    def check_state(self, state: TrainState) -> None:
        """Raises ConfigError if the state was not created in the scope, but must be."""

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """Returns a step of the state, as a function of this process's images and labels, for `tf.function`."""

    def broadcast(self, state: TrainState) -> None:
        """Copies the chief's restored state to all other processes."""

    def is_worker_failure(self, error: tf.errors.OpError) -> bool:
        """Returns whether an error of a step means that another process no longer responds."""

    def describe(self, batch_size: int) -> str:
        """Returns one line about replicas and devices, or "" for a single device."""


class OneDevice:
    """Runs `train_step` on the device that TensorFlow chooses."""

    num_replicas, shard, is_chief = 1, (0, 1), True

    def scope(self) -> AbstractContextManager:
        """Returns an empty context: the state may be created anywhere."""
        return nullcontext()

    def check_state(self, state: TrainState) -> None:
        """Accepts any state."""

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """Returns `train_step` of the state."""
        return functools.partial(train_step, state)

    def broadcast(self, state: TrainState) -> None:
        """Does nothing: there are no other processes."""

    def is_worker_failure(self, error: tf.errors.OpError) -> bool:
        """Returns False: there are no other processes."""
        return False

    def describe(self, batch_size: int) -> str:
        """Returns ""."""
        return ""


class Towers(OneDevice):
    """Runs `tower_step` with one tower per device; the variables are on the CPU."""

    def __init__(self, devices: list[str]) -> None:
        """Takes one device per tower."""
        self.devices, self.num_replicas = devices, len(devices)

    def scope(self) -> AbstractContextManager:
        """Returns a context that puts variables on the CPU."""
        return tf.device(CPU)

    def step(self, state: TrainState) -> Callable[[tf.Tensor, tf.Tensor], StepResult]:
        """Returns `tower_step` of the state."""
        return functools.partial(tower_step, state, devices=self.devices)

    def describe(self, batch_size: int) -> str:
        """Returns one line about the towers and their devices."""
        return describe_towers(self.devices, batch_size)


def check_tf_config(config: TrainConfig) -> None:
    """Checks `TF_CONFIG` before anything is downloaded or connected.

    Raises:
        ConfigError: the strategy needs `TF_CONFIG`, but it does not describe the workers, or the port of this one is
            in use.
    """
    if config.strategy == "multi-worker":
        check_port(parse_tf_config(os.environ.get("TF_CONFIG")))


def make_strategy(config: TrainConfig, waiting: Callable[[str], object] = lambda line: None) -> Strategy:
    """Returns the strategy for a config; also makes TensorFlow deterministic if `config.deterministic` is set.

    Args:
        config: the settings.
        waiting: called every 30 s with a line about the other workers for which this one waits.

    Raises:
        ConfigError: there are too few devices, or `TF_CONFIG` does not describe the workers.
        WorkerLostError: the workers could not connect.
    """
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()
    if config.strategy == "multi-worker":
        worker = parse_tf_config(os.environ.get("TF_CONFIG"))
        if len(worker.addresses) > 1:
            return DistributedReplicas(connect(worker, waiting), worker)
        gpus = tower_devices(max(1, len(tf.config.list_physical_devices("GPU"))))  # ordinary training, on all GPUs
        return OneDevice() if len(gpus) == 1 else DistributedReplicas(tf.distribute.MirroredStrategy(gpus))
    devices = tower_devices(config.num_gpus, virtual=config.virtual_devices)
    if config.strategy == "mirrored":
        if len(set(devices)) < config.num_gpus:
            raise ConfigError(
                f"the mirrored strategy needs one device per replica; got num_gpus = {config.num_gpus}, but "
                f"{len(set(devices))} available. Choose a smaller --num-gpus, or add --virtual-devices."
            )
        # On CPUs, the default (collective operations) fails once a process has used strategies of different sizes.
        on_cpus = tf.distribute.ReductionToOneDevice() if "CPU" in devices[0] else None
        return DistributedReplicas(tf.distribute.MirroredStrategy(devices, cross_device_ops=on_cpus))
    return OneDevice() if config.num_gpus == 1 else Towers(devices)
