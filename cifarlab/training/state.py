"""The state that training changes (weights, averages, step), and how it is initialized from a config."""

import copy
import functools
from collections.abc import Callable

from cifarlab.backend import check_process_state, tf
from cifarlab.config import TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.data.pipeline import inputs
from cifarlab.model.custom_network import resolve_network
from cifarlab.model.losses import Losses, loss
from cifarlab.model.named_networks import BUILT_IN, create_network
from cifarlab.model.network import check_is_network
from cifarlab.training import schedule

LOSS_AVERAGE_DECAY = 0.9
"""The decay of the moving averages of the losses, as in the tutorial; they span about ten steps."""

ADAPTED_TO = 5_000
"""The number of training images that a network's method `adapt` gets, as central crops."""

Schedule = Callable[[tf.Tensor], tf.Tensor]
Loss = Callable[[tf.Module, tf.Tensor, tf.Tensor], Losses]


class TrainState(tf.Module):
    """Everything that training changes, and that a checkpoint holds; also the functions and constants of its updates.

    Attributes:
        step: int64[], the number of updates so far.
        network: the network that is trained.
        averages: a copy of the network, whose weights are moving averages of the trained weights.
        learning_rate_factor: float32[], multiplies the schedule's learning rate; 1 unless changed during the run.
        loss_averages: the moving averages of the losses by name; they start at zero, see `debiased_loss_averages`.
        first_nonfinite_step: int64[], the first step whose loss or gradient was not finite, or -1.
        momentum: Nesterov momentum; 0 is plain gradient descent, as in the tutorial.
        velocities: one variable per weight, starting at zero; empty without momentum.
        mixup: the strength alpha of mixup, see `mixup.sample_ratios`; 0 for no mixup.
        label_smoothing: the share of each label that all classes share, see `losses.smooth_labels`; 0 for none.
        bias_learning_rate_factor: multiplies the learning rate of biases, which are the variables with one axis.
        decoupled_weight_decay: what is subtracted from each weight at a step, as a fraction of it and of the learning
            rate; not from biases. It is not part of the loss.
        seed: the seed of the mixup ratios, which depend only on the seed and the step.
        schedule: a function that returns the learning rate of a step.
        moving_average_decay: upper bound of the decay of `averages`.
        loss: a function that returns the `Losses` of a network, logits and labels, such as `losses.loss`.

    >>> from cifarlab.training.step import train_step
    >>> from cifarlab.model.network import ConvNet
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
        label_smoothing: float = 0.0,
        bias_learning_rate_factor: float = 1.0,
        decoupled_weight_decay: float = 0.0,
    ) -> None:
        """Starts at step 0; the averages start as a copy of the network's current weights."""
        check_process_state()
        if not isinstance(network, tf.Module):
            check_is_network(network)
        super().__init__(name="train_state")
        self.loss = loss
        self.momentum, self.mixup, self.seed = momentum, mixup, seed
        self.label_smoothing = label_smoothing
        self.bias_learning_rate_factor = bias_learning_rate_factor
        self.decoupled_weight_decay = decoupled_weight_decay
        self.schedule = schedule
        self.moving_average_decay = moving_average_decay
        self.network = network
        self.averages = copy.deepcopy(network)
        weights = network.trainable_variables if momentum else ()
        self.velocities = [tf.Variable(tf.zeros_like(weight), trainable=False) for weight in weights]
        self.step = tf.Variable(0, trainable=False, dtype=tf.int64, name="global_step")
        self.learning_rate_factor = tf.Variable(1.0, trainable=False, name="learning_rate_factor")
        self.first_nonfinite_step = tf.Variable(-1, trainable=False, dtype=tf.int64, name="first_nonfinite_step")
        # Dummy logits, to learn the names of the losses.
        names = loss(network, tf.zeros([1, 2]), tf.zeros([1], tf.int32)).by_name()
        self.loss_averages = {name: tf.Variable(0.0, trainable=False, name=f"{name}/average") for name in names}

    def debiased_loss_averages(self) -> dict[str, float]:
        """Returns the moving averages of the losses by name, corrected for their start at zero (as in Adam).

        After n steps, the weights of the losses in an average with decay 0.9 sum to 1 - 0.9 ** n, so it is divided by
        that sum.
        """
        weight = 1 - LOSS_AVERAGE_DECAY ** int(self.step.numpy())
        return {
            name: float(average.numpy()) / weight if weight else 0.0 for name, average in self.loss_averages.items()
        }


def make_network(config: TrainConfig, dataset: DataSet) -> tf.Module:
    """Returns the network that the settings name, for a dataset's classes and crop size, with initial weights.

    Raises:
        NetworkError: there is no such network, or it is not one for this dataset.
    """
    create = functools.partial(
        create_network,
        config.network,
        num_classes=dataset.num_classes,
        image_size=dataset.crop_size,
        channels=dataset.image_shape[2],
        seed=config.seed,
        fast_ops=config.fast_ops,
        weight_decay=config.weight_decay,
    )
    return create() if config.network in BUILT_IN else resolve_network(create, dataset)


def make_state(
    config: TrainConfig,
    dataset: DataSet,
    network: tf.Module | Callable[[], tf.Module] | None = None,
    *,
    num_replicas: int = 1,
) -> TrainState:
    """Returns a new state for a config and a dataset: network, averages and schedule.

    Args:
        config: the settings.
        dataset: determines the classes, the crop size and the number of images per epoch.
        network: the network to train, or a function that creates it; by default, the one that the settings name.
        num_replicas: the number of replicas, each of which takes `config.batch_size` images per step.

    Raises:
        NetworkError: `network` is not a network, or not one for this dataset.
    """
    # Until November 2018 the tutorial's multi-GPU program counted only one replica's images, so its learning rate
    # decayed `num_replicas` times too late.
    rate = _schedule(config, dataset.num_examples("train"), config.batch_size * num_replicas)
    made = make_network(config, dataset) if network is None else resolve_network(network, dataset)
    if made is not network:  # it is new
        _adapt(made, dataset)
    return TrainState(
        made,
        rate,
        config.moving_average_decay,
        momentum=config.momentum,
        mixup=config.mixup,
        seed=config.seed,
        label_smoothing=config.label_smoothing,
        bias_learning_rate_factor=config.bias_learning_rate_factor,
        decoupled_weight_decay=config.decoupled_weight_decay,
    )


def _adapt(network: tf.Module, dataset: DataSet) -> None:
    """Calls the method `adapt` of a network, if any, with training images, from which it computes initial weights."""
    if callable(adapt := getattr(network, "adapt", None)):
        adapt(next(iter(inputs(dataset, "train", ADAPTED_TO)))[0])


def _schedule(config: TrainConfig, num_examples: int, images_per_step: int) -> Schedule:
    """Returns a function that computes the learning rate of a step."""
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
