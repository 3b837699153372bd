"""One training step: loss, gradients, update, moving averages.

There is no optimizer object, deliberately: gradient descent, with optional Nesterov momentum, is the few lines of
`apply_gradients` and `nesterov_updates`. `train_step` is plain Python that also runs in a notebook cell; the training
loop compiles it with `tf.function`.
"""

from typing import NamedTuple

from cifarlab.backend import do_not_convert, tf
from cifarlab.model.losses import Losses, smooth_labels
from cifarlab.model.network import inference
from cifarlab.training import mixup
from cifarlab.training.state import LOSS_AVERAGE_DECAY, TrainState


class StepResult(NamedTuple):
    """The losses, the learning rate and the gradients of one step.

    Attributes:
        losses: losses of the batch, computed with the weights before the update.
        learning_rate: float32[], the learning rate of the update.
        gradients: one gradient per variable in `state.network.trainable_variables`, in the same order.
    """

    losses: Losses
    learning_rate: tf.Tensor
    gradients: tuple[tf.Tensor, ...]


def train_step(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> StepResult:
    """Takes one step of gradient descent, then updates the moving averages.

    Args:
        state: weights, averages and step; changed in place.
        images: float32[B, 24, 24, 3], standardized; any B.
        labels: int32[B].
    """
    return apply_update(state, *losses_and_gradients(state, images, labels))


def losses_and_gradients(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> tuple[Losses, list[tf.Tensor]]:
    """Returns the losses of a batch and the gradients of the total loss, one per trainable variable of the network.

    Args:
        state: not changed.
        images: float32[B, 24, 24, 3], standardized; any B.
        labels: int32[B].
    """
    variables = state.network.trainable_variables
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(variables)
        losses = _losses(state, images, labels)
    with tf.name_scope("gradient_tape"):  # the scope in which TensorFlow already puts most gradient operations
        return losses, tape.gradient(losses.total, variables)


def _losses(state: TrainState, images: tf.Tensor, labels: tf.Tensor) -> Losses:
    """Returns the losses of a batch; its images and labels may be mixed in pairs, and its labels smoothed."""
    if not (state.mixup or state.label_smoothing):
        return state.loss(state.network, inference(state.network, images, training=True), labels)
    if state.mixup:
        seed = tf.stack([tf.constant(state.seed, tf.int64), tf.cast(state.step, tf.int64)])
        ratio = mixup.sample_ratios(tf.shape(images)[0], state.mixup, seed)
        images = mixup.mix(images, ratio)
    logits = inference(state.network, images, training=True)
    targets = smooth_labels(labels, logits.shape[-1], state.label_smoothing)
    return state.loss(state.network, logits, mixup.mix(targets, ratio) if state.mixup else targets)


@do_not_convert
def apply_update(state: TrainState, losses: Losses, gradients: list[tf.Tensor]) -> StepResult:
    """Updates everything that a step changes: loss averages, weights, weight averages and the step counter.

    Args:
        state: changed in place.
        losses: losses of the step's batch.
        gradients: one gradient per variable in `state.network.trainable_variables`, in the same order.
    """
    with tf.name_scope("learning_rate"):
        rate = state.schedule(state.step) * state.learning_rate_factor
    with tf.name_scope("flag_nonfinite"):
        flag_nonfinite(state, losses, gradients)
    with tf.name_scope("update_loss_averages"):
        update_loss_averages(state, losses)
    apply_gradients(state, gradients, rate)
    return StepResult(losses, rate, tuple(gradients))


@do_not_convert
def apply_gradients(state: TrainState, gradients: list[tf.Tensor], rate: tf.Tensor) -> None:
    """Updates the weights, increments the step, then updates the weight averages, in this order.

    For years, the tutorial's programs did not define the order of the last two updates. Here the averages always see
    the new weights.

    Args:
        state: changed in place.
        gradients: one gradient per variable in `state.network.trainable_variables`, in the same order.
        rate: float32[], the learning rate.
    """
    with tf.name_scope("apply_gradients"):
        updates = nesterov_updates(state, gradients) if state.momentum else gradients
        for variable, update in zip(state.network.trainable_variables, updates, strict=True):
            variable.assign_sub(rate * _with_own_rate_and_decay(state, variable, update))
        state.step.assign_add(1)
    with tf.name_scope("update_weight_averages"):
        update_weight_averages(state)


def _with_own_rate_and_decay(state: TrainState, variable: tf.Variable, update: tf.Tensor) -> tf.Tensor:
    """Returns the update of a variable for the common learning rate: larger steps for biases, decay of weights."""
    if variable.shape.rank == 1:
        return update if state.bias_learning_rate_factor == 1 else state.bias_learning_rate_factor * update
    return update + state.decoupled_weight_decay * variable if state.decoupled_weight_decay else update


def nesterov_updates(state: TrainState, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """Updates the velocities and returns the updates of Nesterov momentum, `gradient + momentum * velocity`.

    A velocity is the sum of all gradients so far, where the weight of each shrinks by the factor `momentum` per step.
    Gradients in the same direction add up to at most 1 / (1 - momentum) times their length; alternating ones cancel.

    Args:
        state: its velocities are changed in place.
        gradients: one gradient per variable in `state.network.trainable_variables`, in the same order.
    """
    for velocity, gradient in zip(state.velocities, gradients, strict=True):
        velocity.assign(state.momentum * velocity + gradient)
    return [g + state.momentum * v for v, g in zip(state.velocities, gradients, strict=True)]


def update_weight_averages(state: TrainState) -> None:
    """Moves each averaged weight toward its weight, by (1 - decay) of the distance.

    The decay warms up as min(decay, (1 + step) / (10 + step)), which is 2/11 after the first update, so that the
    averages soon forget the initial weights. Non-trainable variables, which a custom network may have, are copied.
    """
    step = tf.cast(state.step, tf.float32)
    decay = tf.minimum(state.moving_average_decay, (1 + step) / (10 + step))
    pairs = zip(state.averages.trainable_variables, state.network.trainable_variables, strict=True)
    for average, variable in pairs:
        average.assign_sub((1 - decay) * (average - variable))
    pairs = zip(state.averages.non_trainable_variables, state.network.non_trainable_variables, strict=True)
    for average, variable in pairs:
        average.assign(variable)


@do_not_convert
def update_loss_averages(state: TrainState, losses: Losses) -> None:
    """Moves the average of each loss toward the batch's loss, by a tenth of the distance."""
    for name, value in losses.by_name().items():
        average = state.loss_averages[name]
        average.assign_sub((1 - LOSS_AVERAGE_DECAY) * (average - value))


@do_not_convert
def flag_nonfinite(state: TrainState, losses: Losses, gradients: list[tf.Tensor]) -> None:
    """Records the first step whose loss or gradient is not finite.

    It runs in the graph, so no step waits for the host. The update is applied anyway. The training loop stops the run
    when it next logs or saves, and never saves such a step.
    """
    # A sum is not finite if any of its terms is not (or if it overflows), and needs no tensor of the gradient's size.
    finite = tf.reduce_all(tf.math.is_finite([losses.total, *(tf.reduce_sum(gradient) for gradient in gradients)]))
    first = tf.logical_and(tf.logical_not(finite), state.first_nonfinite_step < 0)
    state.first_nonfinite_step.assign(tf.where(first, state.step, state.first_nonfinite_step))
