"""Local response normalization, as TensorFlow has it and in a form that trains faster on a CPU.

Each value is divided by (bias + alpha * sum of the squares of its neighbours in depth) ** beta. The reference is
TensorFlow's own operation. The fast form takes the sum over neighbours as a product with a banded matrix of ones,
which a CPU does at full speed; its gradient is written out, and XLA fuses it into a few loops over memory. The forward
pass is left to TensorFlow's operations, so that a saved network runs where there is no XLA. Both forms agree within
float32 rounding.
"""

from collections.abc import Callable

import numpy as np

from cifarlab.backend import compiled, tf

DEPTH_RADIUS, BIAS, ALPHA, BETA = 4, 1.0, 0.001 / 9.0, 0.75
"""The tutorial's constants: nine neighbours (four each side), and alpha divided by their number."""


def reference(values: tf.Tensor) -> tf.Tensor:
    """Local response normalization by TensorFlow's own operation.

    Args:
        values: float32[B, rows, columns, channels].

    >>> reference(tf.ones([1, 2, 2, 9]))[0, 0, 0, 4].numpy() == np.float32(1.001 ** -0.75)
    np.True_
    """
    return tf.nn.local_response_normalization(values, DEPTH_RADIUS, BIAS, ALPHA, BETA)


def fast(values: tf.Tensor) -> tf.Tensor:
    """Local response normalization as a banded matrix product, equal to `reference` within float32 rounding.

    Args:
        values: float32[B, rows, columns, channels], the number of channels known.
    """
    return _banded(values, band(values.shape[-1]))


def band(channels: int) -> tf.Tensor:
    """Which channels are neighbours: float32[channels, channels], 1 where at most `DEPTH_RADIUS` apart, else 0.

    >>> band(6).numpy()[0]
    array([1., 1., 1., 1., 1., 0.], dtype=float32)
    """
    channel = np.arange(channels)
    return tf.constant(np.abs(channel[:, None] - channel[None, :]) <= DEPTH_RADIUS, tf.float32)


@tf.custom_gradient
def _banded(values: tf.Tensor, neighbours: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    rows = tf.reshape(values, [-1, values.shape[-1]])  # [B, rows, columns, channels] -> [pixels, channels]
    result = rows * _power(BIAS + tf.matmul(tf.square(rows), ALPHA * neighbours))
    return tf.reshape(result, tf.shape(values)), lambda upstream: (_gradient(values, upstream), None)


@compiled
def _gradient(values: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
    """d result_j / d value_i = [i = j] power_j - 2 alpha beta value_i value_j power_j / scale_j, j a neighbour of i."""
    scale = BIAS + ALPHA * _sum_of_neighbours(tf.square(values))
    power = _power(scale)
    spread = _sum_of_neighbours(upstream * values * power / scale)
    return upstream * power - (2 * ALPHA * BETA) * values * spread


def _power(scale: tf.Tensor) -> tf.Tensor:
    """`scale ** -0.75`, several times as fast as tf.pow."""
    root = tf.math.rsqrt(scale)
    return root * tf.sqrt(root)


def _sum_of_neighbours(values: tf.Tensor) -> tf.Tensor:
    """For each channel the sum of the nine around it, as shifted sums: nothing is faster once XLA has fused them."""
    channels = values.shape[-1]
    padded = tf.pad(values, [[0, 0], [0, 0], [0, 0], [DEPTH_RADIUS, DEPTH_RADIUS]])
    return tf.add_n([padded[..., shift : shift + channels] for shift in range(2 * DEPTH_RADIUS + 1)])
