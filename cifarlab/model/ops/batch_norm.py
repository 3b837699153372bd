"""Batch normalization, which computes something else in training than in evaluation."""

from cifarlab.backend import do_not_convert, tf

EPSILON = 1e-5
"""Added to variances, so that a channel that is constant becomes zeros."""


class BatchNorm(tf.Module):
    """Scales each channel to mean 0 and variance 1: in training over the batch, in evaluation over moving averages.

    It has neither a scale nor an offset; a layer adds its biases afterwards. Each tower and each replica normalizes
    its own share of a batch. Towers update the moving averages in turn; the averages of replicas are combined when they
    are read.

    Ioffe and Szegedy, "Batch Normalization", 2015, arXiv:1502.03167.

    >>> norm, values = BatchNorm("norm", 1), tf.reshape([0.0, 2.0], [2, 1, 1, 1])
    >>> norm(values, training=True).numpy().ravel().round(2).tolist(), f"{norm.mean[0]:.1f}"
    ([-1.0, 1.0], '0.1')
    """

    def __init__(self, name: str, channels: int, decay: float = 0.9) -> None:
        """Creates the moving averages, which start as mean 0 and variance 1.

        Args:
            name: the name of the layer.
            channels: the number of channels.
            decay: the share of the old value that a moving average keeps at a step.
        """
        super().__init__(name=name)
        self.decay = decay
        # Each replica of tf.distribute has its own copy.
        settings = {
            "trainable": False,
            "synchronization": tf.VariableSynchronization.ON_READ,
            "aggregation": tf.VariableAggregation.MEAN,
        }
        self.mean = tf.Variable(tf.zeros([channels]), name=f"{name}/mean", **settings)
        self.variance = tf.Variable(tf.ones([channels]), name=f"{name}/variance", **settings)

    @do_not_convert
    def __call__(self, values: tf.Tensor, training: bool) -> tf.Tensor:
        """Normalizes values, float32[B, rows, columns, channels]; in training, also updates the moving averages."""
        ones, zeros = tf.ones_like(self.mean), tf.zeros_like(self.mean)
        if not training:
            averages = {"mean": self.mean, "variance": self.variance, "is_training": False}
            return tf.compat.v1.nn.fused_batch_norm(values, ones, zeros, epsilon=EPSILON, **averages)[0]
        normalized, mean, variance = tf.compat.v1.nn.fused_batch_norm(values, ones, zeros, epsilon=EPSILON)
        for average, value in ((self.mean, mean), (self.variance, variance)):
            average.assign_sub((1 - self.decay) * (average - value))
        return normalized
