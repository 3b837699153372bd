"""What a run starts from: the network, its averages and the schedule that a config and a data set ask for."""

import functools

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.model.network import ConvNet
from cifarlab.training import schedule
from cifarlab.training.step import Schedule, TrainState


def make_network(config: TrainConfig, dataset: DataSet) -> ConvNet:
    """The tutorial's network for a data set's classes and crops, with its initial weights."""
    return ConvNet(
        dataset.num_classes,
        dataset.crop_size,
        dataset.image_shape[2],
        seed=config.seed,
        operations=config.operations,
        weight_decay=config.weight_decay,
    )


def make_state(
    config: TrainConfig, dataset: DataSet, network: tf.Module | None = None, *, replicas: int = 1
) -> TrainState:
    """A new state for a config and a data set: network, averages and schedule.

    Args:
        config: settings.
        dataset: whose classes, crops and number of images count.
        network: by default the tutorial's for this data set.
        replicas: that take `config.batch_size` images each in a step. Until November 2018 the tutorial's multi-GPU
            program counted those of one, and so let the learning rate decay after so many times as many epochs.
    """
    rate = _schedule(config, dataset.num_examples("train"), config.batch_size * replicas)
    network = network or make_network(config, dataset)
    return TrainState(
        network,
        rate,
        config.moving_average_decay,
        momentum=config.momentum,
        mixup=config.mixup,
        seed=config.seed,
    )


def _schedule(config: TrainConfig, num_examples: int, images_per_step: int) -> Schedule:
    """The learning rate as a function of the step."""
    if config.schedule == "one-cycle":
        return functools.partial(
            schedule.one_cycle, max_steps=max(config.max_steps, 1), peak=config.initial_learning_rate
        )
    decay_steps = schedule.decay_steps(num_examples, images_per_step, config.epochs_per_decay)
    return functools.partial(
        schedule.learning_rate,
        decay_steps=max(decay_steps, 1),
        initial=config.initial_learning_rate,
        factor=config.learning_rate_decay_factor,
    )
