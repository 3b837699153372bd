"""Mixup: train on weighted averages of two images and their labels, which reduces overfitting.

Each tower or replica mixes images within its own share of the batch, so the result is not exactly that of one device
with the whole batch.
"""

from cifarlab.backend import tf


def sample_ratios(count: tf.Tensor | int, alpha: float, seed: tf.Tensor) -> tf.Tensor:
    """Draws the mixing ratio of each image: x or 1 - x, whichever is larger, with x from Beta(alpha, alpha).

    Args:
        count: the number of images.
        alpha: above 0; with 0.2 most images change little, with 1 all ratios are equally likely.
        seed: int64[2].

    Returns:
        float32[count], 0.5 to 1.

    >>> values = sample_ratios(1000, 0.2, tf.constant([0, 7], tf.int64))
    >>> bool(tf.reduce_min(values) >= 0.5), bool(tf.reduce_mean(values) > 0.8)
    (True, True)
    """
    gammas = tf.random.stateless_gamma([count, 2], seed, alpha)
    ratio = tf.reduce_max(gammas, 1) / tf.reduce_sum(gammas, 1)
    return tf.where(tf.math.is_finite(ratio), ratio, 1.0)  # 0 / 0 if both draws underflow to zero


def mix(values: tf.Tensor, ratio: tf.Tensor) -> tf.Tensor:
    """Returns the batch mixed with itself in reverse order: the first value with the last, and so on.

    Args:
        values: float32[B, ...], images, or labels as probabilities of the classes.
        ratio: float32[B], the weight of each value; its partner's weight is 1 - ratio.

    >>> mix(tf.constant([[0.0], [1.0]]), tf.constant([0.75, 0.5])).numpy().tolist()
    [[0.25], [0.5]]
    """
    ratio = tf.reshape(ratio, [-1] + [1] * (values.shape.rank - 1))
    return ratio * values + (1 - ratio) * tf.reverse(values, [0])
