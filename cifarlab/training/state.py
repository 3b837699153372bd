"""What training changes, and what it starts from: weights, averages, step and the schedule that a config asks for."""

import copy
import functools
from collections.abc import Callable

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.model.losses import Losses, loss
from cifarlab.model.network import ConvNet
from cifarlab.training import schedule

LOSS_AVERAGE_DECAY = 0.9
"""Of the moving averages of the losses: the tutorial's, a memory of about ten steps."""

Schedule = Callable[[tf.Tensor], tf.Tensor]
Loss = Callable[[tf.Module, tf.Tensor, tf.Tensor], Losses]


class TrainState(tf.Module):
    """Everything that training changes; what a checkpoint holds.

    Attributes:
        step: int64[], updates done so far.
        network: the weights that are trained.
        averages: a second network of the same make, whose weights are moving averages of the first one's.
        learning_rate_factor: float32[], what the schedule's rate is multiplied with; 1 unless somebody steers.
        loss_averages: by name, the moving averages of the losses; they start at zero, see `debiased_loss_averages`.
        first_nonfinite_step: int64[], the first step whose loss or gradient was not finite, or -1.
        momentum: Nesterov's; 0 is plain gradient descent, the tutorial's.
        velocities: one for each weight, starting at zero; none without momentum.
        mixup: how strongly pictures and labels are mixed in pairs, see `mixup.sample_ratios`; 0 for not at all.
        seed: of the draws of mixup, which are functions of it and of the step.
        schedule: the learning rate as a function of the step.
        moving_average_decay: upper bound of the decay of `averages`.
        loss: the losses of a network for logits and labels; `losses.loss`, or one like it.

    >>> from cifarlab.training.step import train_step
    >>> state = TrainState(ConvNet())
    >>> result = train_step(state, tf.zeros([8, 24, 24, 3]), tf.zeros([8], tf.int32))
    >>> state.step.numpy().item(), f"{result.learning_rate:.1f}"
    (1, '0.1')
    """

    def __init__(
        self,
        network: tf.Module,
        schedule: Schedule = schedule.learning_rate,
        moving_average_decay: float = 0.9999,
        loss: Loss = loss,
        momentum: float = 0.0,
        mixup: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Starts at step 0 with the network's present weights, also as their averages."""
        super().__init__(name="train_state")
        self.loss = loss
        self.momentum, self.mixup, self.seed = momentum, mixup, seed
        self.schedule = schedule
        self.moving_average_decay = moving_average_decay
        self.network = network
        self.averages = copy.deepcopy(network)
        weights = network.trainable_variables if momentum else ()
        self.velocities = [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in weights]
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64, name="global_step")
        self.learning_rate_factor = tf.Variable(1.0, trainable=False, name="learning_rate_factor")
        self.first_nonfinite_step = tf.Variable(-1, trainable=False, dtype=tf.int64, name="first_nonfinite_step")
        names = loss(network, tf.zeros([1, 2]), tf.zeros([1], tf.int32)).by_name()
        self.loss_averages = {name: tf.Variable(0.0, trainable=False, name=f"{name}/average") for name in names}

    def debiased_loss_averages(self) -> dict[str, float]:
        """The moving averages of the losses by name, freed of the zeros that they started from.

        After n steps an average of decay 0.9 that started at zero still holds 0.9 ** n of that zero.
        """
        weight = 1 - LOSS_AVERAGE_DECAY ** int(self.step.numpy())
        return {
            name: float(average.numpy()) / weight if weight else 0.0 for name, average in self.loss_averages.items()
        }


def make_network(config: TrainConfig, dataset: DataSet) -> ConvNet:
    """The tutorial's network for a data set's classes and crops, with its initial weights."""
    return ConvNet(
        dataset.num_classes,
        dataset.crop_size,
        dataset.image_shape[2],
        seed=config.seed,
        fast_ops=config.fast_ops,
        weight_decay=config.weight_decay,
    )


def make_state(
    config: TrainConfig, dataset: DataSet, network: tf.Module | None = None, *, num_replicas: int = 1
) -> TrainState:
    """A new state for a config and a data set: network, averages and schedule.

    Args:
        config: settings.
        dataset: whose classes, crops and number of images count.
        network: by default the tutorial's for this data set.
        num_replicas: that take `config.batch_size` images each in a step. Until November 2018 the tutorial's multi-GPU
            program counted those of one, and so let the learning rate decay after so many times as many epochs.
    """
    rate = _schedule(config, dataset.num_examples("train"), config.batch_size * num_replicas)
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
