"""One training step: loss, gradients, update, moving averages.

`train_step` is plain Python that runs as it stands in a notebook cell; the loop compiles it with `tf.function`.
"""

import copy
from collections.abc import Callable
from typing import NamedTuple

from cifarlab.backend import as_written, tf
from cifarlab.model.network import inference
from cifarlab.model.objective import Losses, loss
from cifarlab.training import mixing
from cifarlab.training.schedule import learning_rate

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
        loss_averages: by name, the moving averages of the losses; they start at zero, see `averaged_losses`.
        first_bad_step: int64[], the first step whose loss or gradient was not finite, or -1.
        momentum: Nesterov's; 0 is plain gradient descent, the tutorial's.
        velocities: one for each weight, starting at zero; none without momentum.
        mixup: how strongly pictures and labels are mixed in pairs, see `mixing.shares`; 0 for not at all.
        seed: of the draws of mixup, which are functions of it and of the step.
        schedule: the learning rate as a function of the step.
        moving_average_decay: upper bound of the decay of `averages`.
        loss: the losses of a network for logits and labels; `objective.loss`, or one like it.

    >>> from cifarlab.model.network import ConvNet
    >>> state = TrainState(ConvNet())
    >>> result = train_step(state, tf.zeros([8, 24, 24, 3]), tf.zeros([8], tf.int32))
    >>> state.step.numpy().item(), f"{result.learning_rate:.1f}"
    (1, '0.1')
    """

    def __init__(
        self,
        network: tf.Module,
        schedule: Schedule = learning_rate,
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
        self.first_bad_step = tf.Variable(-1, trainable=False, dtype=tf.int64, name="first_bad_step")
        names = loss(network, tf.zeros([1, 2]), tf.zeros([1], tf.int32)).by_name()
        self.loss_averages = {name: tf.Variable(0.0, trainable=False, name=f"{name}/average") for name in names}

    def averaged_losses(self) -> dict[str, float]:
        """The moving averages of the losses by name, freed of the zeros that they started from.

        After n steps an average of decay 0.9 that started at zero still holds 0.9 ** n of that zero.
        """
        weight = 1 - LOSS_AVERAGE_DECAY ** int(self.step.numpy())
        return {
            name: float(average.numpy()) / weight if weight else 0.0 for name, average in self.loss_averages.items()
        }


class StepResult(NamedTuple):
    """What one step computed, before its update.

    Attributes:
        losses: of the batch, under the weights before the update.
        learning_rate: float32[], that the update used.
        gradients: one for each of `state.network.trainable_variables`, in their order.
    """

    losses: Losses
    learning_rate: tf.Tensor
    gradients: tuple[tf.Tensor, ...]


def train_step(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> StepResult:
    """Takes one step of gradient descent, and moves the averages after it.

    Args:
        state: changed in place: weights, averages, step.
        images: float32[B, 24, 24, 3], standardized; any B.
        labels: int32[B].
    """
    return update(state, *losses_and_gradients(state, images, labels))


def losses_and_gradients(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> tuple[Losses, list[tf.Tensor]]:
    """The losses of a batch, and their total's gradient for each of `state.network.trainable_variables`.

    Args:
        state: not changed.
        images: float32[B, 24, 24, 3], standardized; any B.
        labels: int32[B].
    """
    variables = state.network.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        losses = _mixed_losses(state, images, labels) if state.mixup else _losses(state, images, labels)
    with tf.name_scope("gradient_tape"):  # where TensorFlow puts most of their operations by itself
        return losses, tape.gradient(losses.total, variables)


def _losses(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> Losses:
    return state.loss(state.network, inference(state.network, images), labels)


def _mixed_losses(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> Losses:
    """The losses of a batch whose pictures and labels are mixed in pairs."""
    draw = tf.stack([tf.constant(state.seed, tf.int64), tf.cast(state.step, tf.int64)])
    share = mixing.shares(tf.shape(images)[0], state.mixup, draw)
    logits = inference(state.network, mixing.mix(images, share))
    return state.loss(state.network, logits, mixing.mix(tf.one_hot(labels, logits.shape[-1]), share))


def update(state: TrainState, losses: Losses, gradients: list[tf.Tensor]) -> StepResult:
    """What a step changes: the averages of the losses, the weights and their averages, the step.

    Args:
        state: changed in place.
        losses: of the step's batch.
        gradients: one for each of `state.network.trainable_variables`, in their order.
    """
    with tf.name_scope("learning_rate"):
        rate = state.schedule(state.step) * state.learning_rate_factor
    with tf.name_scope("note_if_not_finite"):
        note_if_not_finite(state, losses, gradients)
    with tf.name_scope("average_losses"):
        average_losses(state, losses)
    apply_gradients(state, gradients, rate)
    return StepResult(losses, rate, tuple(gradients))


@as_written
def apply_gradients(state: TrainState, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
    """Updates the weights, counts the step, then moves the averages, in this order.

    The tutorial's programs left the order of gradient and averages open for years; here the averages always see the
    new weights.

    Args:
        state: changed in place.
        gradients: one for each of `state.network.trainable_variables`, in their order.
        rate: float32[], the learning rate.
    """
    with tf.name_scope("apply_gradients"):
        steps = with_momentum(state, gradients) if state.momentum else gradients
        for variable, step in zip(state.network.trainable_variables, steps, strict=True):
            variable.assign_sub(rate * step)
        state.step.assign_add(1)
    with tf.name_scope("average_weights"):
        average_weights(state)


def with_momentum(state: TrainState, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Nesterov's momentum: adds each gradient to its velocity, and looks one step of that velocity ahead.

    The velocity is a sum of gradients that fades by the factor `momentum` at each step, so that steps in one
    direction add up, to 1 / (1 - momentum) times their length, and steps back and forth do not.

    Args:
        state: whose velocities are changed in place.
        gradients: one for each of `state.network.trainable_variables`, in their order.
    """
    for velocity, gradient in zip(state.velocities, gradients, strict=True):
        velocity.assign(state.momentum * velocity + gradient)
    return [g + state.momentum * v for v, g in zip(state.velocities, gradients, strict=True)]


def average_weights(state: TrainState) -> None:
    """Moves each averaged weight by (1 - decay) of its distance to the weight.

    The decay warms up: min(decay, (1 + step) / (10 + step)), 2/11 after the first update, so that the averages do
    not hang on to the initial weights. Variables that are not trained, as a network of one's own may have, are copied.
    """
    step = tf.cast(state.step, tf.float32)
    decay = tf.minimum(state.moving_average_decay, (1 + step) / (10 + step))
    pairs = zip(state.averages.trainable_variables, state.network.trainable_variables, strict=True)
    for average, variable in pairs:
        average.assign_sub((1 - decay) * (average - variable))
    pairs = zip(state.averages.non_trainable_variables, state.network.non_trainable_variables, strict=True)
    for average, variable in pairs:
        average.assign(variable)


@as_written
def average_losses(state: TrainState, losses: Losses) -> None:
    """Moves the average of each loss by a tenth of its distance to the batch's loss."""
    for name, value in losses.by_name().items():
        average = state.loss_averages[name]
        average.assign_sub((1 - LOSS_AVERAGE_DECAY) * (average - value))


@as_written
def note_if_not_finite(state: TrainState, losses: Losses, gradients: list[tf.Tensor]) -> None:
    """Keeps the first step whose loss or gradient is not finite, in the graph, so that no step waits for the host."""
    # A sum tells as much as a look at each of its terms, and writes nothing of their size to memory.
    finite = tf.reduce_all(tf.math.is_finite([losses.total, *(tf.reduce_sum(gradient) for gradient in gradients)]))
    first = tf.logical_and(tf.logical_not(finite), state.first_bad_step < 0)
    state.first_bad_step.assign(tf.where(first, state.step, state.first_bad_step))
