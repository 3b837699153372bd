"""Local response normalization, as TensorFlow has it and in a form that trains faster on a CPU.

Each value is divided by (bias + alpha * sum of the squares of its neighbours in depth) ** beta. The plain form is
TensorFlow's own operation. The fast form takes the sum over neighbours as a product with a banded matrix of ones,
which a CPU does at full speed, and has its own gradient; both agree within float32 rounding.
"""

from collections.abc import Callable

import numpy as np

from cifarlab.backend import tf

DEPTH_RADIUS, BIAS, ALPHA, BETA = 4, 1.0, 0.001 / 9.0, 0.75
"""The tutorial's constants: nine neighbours (four each side), and alpha divided by their number."""


def plain(values: tf.Tensor) -> tf.Tensor:
    """Local response normalization by TensorFlow's own operation.

    Args:
        values: float32[B, rows, columns, channels].

    >>> plain(tf.ones([1, 2, 2, 9]))[0, 0, 0, 4].numpy() == np.float32(1.001 ** -0.75)
    np.True_
    """
    return tf.nn.local_response_normalization(values, DEPTH_RADIUS, BIAS, ALPHA, BETA)


def fast(values: tf.Tensor) -> tf.Tensor:
    """Local response normalization as a banded matrix product, equal to `plain` within float32 rounding.

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
    scale = BIAS + ALPHA * tf.matmul(tf.square(rows), neighbours)
    root = tf.math.rsqrt(scale)
    power = root * tf.sqrt(root)  # scale ** -0.75, several times as fast as tf.pow
    result = rows * power

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        upstream = tf.reshape(upstream, [-1, values.shape[-1]])
        # d result_j / d value_i = [i = j] power_j - 2 alpha beta value_i value_j scale_j ** -1.75, j a neighbour of i
        spread = tf.matmul(upstream * result / scale, neighbours)
        return tf.reshape(upstream * power - (2 * ALPHA * BETA) * rows * spread, tf.shape(values)), None

    return tf.reshape(result, tf.shape(values)), gradient
