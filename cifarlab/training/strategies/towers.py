"""Training on several devices at once: one tower a device, shared variables, gradients averaged before one update.

A tower is the network, the losses and their gradients for its own share of a batch, on its own device and under its
own name, `tower_0/...`. The variables lie on the CPU and all towers read them. The CPU waits for all towers, averages
their gradients and updates once, so that N towers of 64 images do what one batch of 64 N does. The whole step is one
graph, and TensorFlow runs what does not wait for one another side by side.
"""

from collections.abc import Sequence

from cifarlab.backend import tf
from cifarlab.model.losses import Losses
from cifarlab.training.state import TrainState
from cifarlab.training.step import StepResult, apply_update, losses_and_gradients

CPU = "/device:CPU:0"
"""Where the variables lie and the gradients are averaged."""


def tower_step(state: TrainState, images: tf.Tensor, labels: tf.Tensor, devices: Sequence[str]) -> StepResult:
    """Takes one step with a tower on each device; `train_step` of the whole batch, shared out.

    Args:
        state: changed in place; its variables should lie on the CPU.
        images: float32[B, 24, 24, 3], standardized; B a multiple of the number of towers.
        labels: int32[B].
        devices: a device for each tower, such as "/device:GPU:0"; one that stands twice gets two towers.

    Raises:
        ValueError: the batch cannot be shared out equally.

    >>> from cifarlab.model.network import ConvNet
    >>> result = tower_step(TrainState(ConvNet()), tf.zeros([4, 24, 24, 3]), tf.zeros([4], tf.int32), [CPU, CPU])
    >>> f"{result.losses.cross_entropy:.1f}"
    '2.3'
    """
    if images.shape[0] is not None and images.shape[0] % len(devices):
        raise ValueError(
            f"{len(devices)} towers share a batch out equally; got {images.shape[0]} images. "
            "Choose a batch size that is a multiple of the number of towers."
        )
    with tf.device(CPU):
        shares = zip(tf.split(images, len(devices)), tf.split(labels, len(devices)), strict=True)
    towers = []
    for number, (device, share) in enumerate(zip(devices, shares, strict=True)):
        # The gradient too is taken inside: outside it would be on no device in particular.
        with tf.device(device), tf.name_scope(f"tower_{number}"):
            towers.append(losses_and_gradients(state, *share))
    losses, gradients = zip(*towers, strict=True)
    with tf.device(CPU):
        return apply_update(state, mean_losses(losses), average_gradients(gradients))


def average_gradients(tower_gradients: Sequence[Sequence[tf.Tensor]]) -> list[tf.Tensor]:
    """The mean over the towers of each variable's gradient.

    Args:
        tower_gradients: by tower, one gradient for each variable, in the same order.

    >>> first, second = [tf.constant([2.0]), tf.constant([0.0])], [tf.constant([4.0]), tf.constant([1.0])]
    >>> [gradient.numpy().item() for gradient in average_gradients([first, second])]
    [3.0, 0.5]
    """
    return [_mean(gradients) for gradients in zip(*tower_gradients, strict=True)]


def mean_losses(tower_losses: Sequence[Losses]) -> Losses:
    """The losses of the whole batch from those of its equal shares."""
    return tf.nest.map_structure(lambda *values: _mean(values), *tower_losses)


def _mean(values: Sequence[tf.Tensor]) -> tf.Tensor:
    return tf.add_n(values) / len(values)
