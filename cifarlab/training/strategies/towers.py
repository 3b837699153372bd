"""Training on several devices at once: one tower per device, shared variables, one update with averaged gradients.

A tower computes the losses and gradients for its share of a batch, on its own device and in its own name scope, such as
`tower_0`. The variables are on the CPU, where all towers read them. The CPU waits for all towers, averages their
gradients and updates the variables once, so N towers of 64 images have the same result as one batch of 64 N images. The
whole step is one graph, and TensorFlow runs its independent parts in parallel.
"""

from collections.abc import Sequence

from cifarlab.backend import tf
from cifarlab.model.losses import Losses
from cifarlab.text import counted
from cifarlab.training.state import TrainState
from cifarlab.training.step import StepResult, apply_update, losses_and_gradients

CPU = "/device:CPU:0"
"""The device of the variables, which also averages the gradients."""


def tower_step(state: TrainState, images: tf.Tensor, labels: tf.Tensor, devices: Sequence[str]) -> StepResult:
    """Takes one step with one tower per device; equivalent to `train_step` with the whole batch.

    Args:
        state: changed in place; its variables should be on the CPU.
        images: float32[B, 24, 24, 3], standardized; B is a multiple of the number of towers.
        labels: int32[B].
        devices: the device of each tower, such as "/device:GPU:0"; a device that is listed twice gets two towers.

    Raises:
        ValueError: the batch cannot be split equally.

    >>> from cifarlab.model.network import ConvNet
    >>> result = tower_step(TrainState(ConvNet()), tf.zeros([4, 24, 24, 3]), tf.zeros([4], tf.int32), [CPU, CPU])
    >>> f"{result.losses.cross_entropy:.1f}"
    '2.3'
    """
    if images.shape[0] is not None and images.shape[0] % len(devices):
        raise ValueError(
            f"the batch size must be a multiple of the number of towers; got {counted(images.shape[0], 'image')} for "
            f"{len(devices)} towers."
        )
    with tf.device(CPU):
        shares = zip(tf.split(images, len(devices)), tf.split(labels, len(devices)), strict=True)
    towers = []
    for number, (device, share) in enumerate(zip(devices, shares, strict=True)):
        # The gradients are also computed in this context; outside it, TensorFlow would choose their device.
        with tf.device(device), tf.name_scope(f"tower_{number}"):
            towers.append(losses_and_gradients(state, *share))
    losses, gradients = zip(*towers, strict=True)
    with tf.device(CPU):
        return apply_update(state, mean_losses(losses), average_gradients(gradients))


def average_gradients(tower_gradients: Sequence[Sequence[tf.Tensor]]) -> list[tf.Tensor]:
    """Returns the mean gradient of each variable over all towers.

    Args:
        tower_gradients: for each tower, one gradient per variable, in the same order.

    >>> first, second = [tf.constant([2.0]), tf.constant([0.0])], [tf.constant([4.0]), tf.constant([1.0])]
    >>> [gradient.numpy().item() for gradient in average_gradients([first, second])]
    [3.0, 0.5]
    """
    return [_mean(gradients) for gradients in zip(*tower_gradients, strict=True)]


def mean_losses(tower_losses: Sequence[Losses]) -> Losses:
    """Returns the losses of the whole batch, given those of its equal shares."""
    return tf.nest.map_structure(lambda *values: _mean(values), *tower_losses)


def _mean(values: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n(values) / len(values)
