"""Local response normalization: TensorFlow's, and a fast one that trains faster on a CPU.

Each value is divided by (bias + alpha * sum of the squares of its neighbors in depth) ** beta. The fast implementation
computes the sum as a product with a banded matrix of ones, which is fast on a CPU. Its gradient is given explicitly,
and XLA fuses it into a few loops over memory. The forward pass uses only TensorFlow operations, so that a saved network
also runs without XLA. Both implementations agree within float32 rounding errors.
"""

from collections.abc import Callable

import numpy as np

from cifarlab.backend import compiled, tf

DEPTH_RADIUS, BIAS, ALPHA, BETA = 4, 1.0, 0.001 / 9.0, 0.75
"""The tutorial's constants: nine channels (four neighbors on each side), and alpha divided by their number."""


def reference(values: tf.Tensor) -> tf.Tensor:
    """Local response normalization with TensorFlow's own operation.

    Args:
        values: float32[B, rows, columns, channels].

    >>> reference(tf.ones([1, 2, 2, 9]))[0, 0, 0, 4].numpy() == np.float32(1.001 ** -0.75)
    np.True_
    """
    return tf.nn.local_response_normalization(values, DEPTH_RADIUS, BIAS, ALPHA, BETA)


def fast(values: tf.Tensor) -> tf.Tensor:
    """Local response normalization as a banded matrix product, equal to `reference` within rounding errors.

    Args:
        values: float32[B, rows, columns, channels]; the number of channels must be known.
    """
    return _banded(values, band(values.shape[-1]))


def band(channels: int) -> tf.Tensor:
    """Returns the matrix of neighbors, float32[channels, channels]: 1 for a distance of at most `DEPTH_RADIUS`, else 0.

    >>> band(6).numpy()[0]
    array([1., 1., 1., 1., 1., 0.], dtype=float32)
    """
    channel = np.arange(channels)
    return tf.constant(np.abs(channel[:, None] - channel[None, :]) <= DEPTH_RADIUS, tf.float32)


@tf.custom_gradient
def _banded(values: tf.Tensor, neighbors: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    rows = tf.reshape(values, [-1, values.shape[-1]])  # [B, rows, columns, channels] -> [pixels, channels]
    result = rows * _power(BIAS + tf.matmul(tf.square(rows), ALPHA * neighbors))
    return tf.reshape(result, tf.shape(values)), lambda upstream: (_gradient(values, upstream), None)


@compiled
def _gradient(values: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """Computes the gradient with respect to the values.

    d result_j / d value_i = [i = j] power_j - 2 alpha beta value_i value_j power_j / scale_j for neighbors j of i.
    """
    scale = BIAS + ALPHA * _sum_of_neighbors(tf.square(values))
    power = _power(scale)
    spread = _sum_of_neighbors(upstream * values * power / scale)
    return upstream * power - (2 * ALPHA * BETA) * values * spread


def _power(scale: tf.Tensor) -> tf.Tensor:
    """Computes `scale ** -0.75`, several times as fast as tf.pow."""
    root = tf.math.rsqrt(scale)
    return root * tf.sqrt(root)


def _sum_of_neighbors(values: tf.Tensor) -> tf.Tensor:
    """Sums nine adjacent channels around each channel, as shifted sums, which are fastest once XLA has fused them."""
    channels = values.shape[-1]
    padded = tf.pad(values, [[0, 0], [0, 0], [0, 0], [DEPTH_RADIUS, DEPTH_RADIUS]])
    return tf.add_n([padded[..., shift : shift + channels] for shift in range(2 * DEPTH_RADIUS + 1)])
