"""The training loss: cross-entropy plus weight decay."""

from typing import NamedTuple

from cifarlab.backend import do_not_convert, tf
from cifarlab.model.network import layers


class Losses(NamedTuple):
    """The losses of one batch, each float32[].

    Attributes:
        total: the loss to minimize, `cross_entropy` plus the sum of `weight_decay`.
        cross_entropy: the mean over the batch, in nats.
        weight_decay: `layer.weight_decay * tf.nn.l2_loss(layer.weights)` by layer name, for layers with weight decay.
    """

    total: tf.Tensor
    cross_entropy: tf.Tensor
    weight_decay: dict[str, tf.Tensor]

    def by_name(self) -> dict[str, tf.Tensor]:
        """Returns all losses by the tutorial's summary names.

        >>> list(Losses(3.0, 1.0, {"local3": 2.0}).by_name())
        ['local3/weight_loss', 'cross_entropy', 'total_loss']
        """
        decays = {f"{name}/weight_loss": value for name, value in self.weight_decay.items()}
        return {**decays, "cross_entropy": self.cross_entropy, "total_loss": self.total}


def smooth_labels(labels: tf.Tensor, num_classes: int, smoothing: float) -> tf.Tensor:
    """Returns target probabilities, float32[B, num_classes], that are shared out a little among all classes.

    With a target of 1, the loss always falls further if the logits grow; with a smaller one, they settle.

    Szegedy et al., "Rethinking the Inception Architecture", 2016, arXiv:1512.00567.

    Args:
        labels: int32[B].
        num_classes: the number of classes.
        smoothing: the probability that is shared out equally; 0 for none.

    >>> [f"{target:.2f}" for target in smooth_labels(tf.constant([1]), 4, 0.2)[0]]
    ['0.05', '0.85', '0.05', '0.05']
    """
    shared = smoothing / num_classes
    return tf.one_hot(labels, num_classes, on_value=1 - smoothing + shared, off_value=shared)


@do_not_convert
def loss(network: tf.Module, logits: tf.Tensor, labels: tf.Tensor) -> Losses:
    """Computes the losses of a batch from its logits and labels and the network's weights.

    Args:
        network: the network whose weights decay; each layer has its own factor. According to the tutorial's text all
            weights decay, but in its code only those of local3 and local4 do. Only the code's version
            reproduces the loss of 4.68 that it logs at step 0.
        logits: float32[B, num_classes], unnormalized.
        labels: int32[B], from 0 to num_classes - 1, or float32[B, num_classes], the target probabilities.

    >>> from cifarlab.model.network import ConvNet
    >>> losses = loss(ConvNet(), tf.zeros([4, 10]), tf.zeros([4], tf.int32))
    >>> f"{losses.cross_entropy:.3f} of {losses.total:.1f}"
    '2.303 of 4.7'
    """
    with tf.name_scope("loss"):
        sparse = len(labels.shape) == 1
        softmax = tf.nn.sparse_softmax_cross_entropy_with_logits if sparse else tf.nn.softmax_cross_entropy_with_logits
        each = softmax(labels, logits, name="cross_entropy_per_example")
        cross_entropy = tf.reduce_mean(each, name="cross_entropy")
        decay = {
            layer.name: tf.multiply(tf.nn.l2_loss(layer.weights), layer.weight_decay, name=f"{layer.name}_weight_loss")
            for layer in layers(network)
            if layer.weight_decay
        }
        return Losses(tf.add_n([cross_entropy, *decay.values()], name="total_loss"), cross_entropy, decay)
