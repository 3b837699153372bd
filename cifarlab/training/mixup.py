"""Mixup: a network trained on mixtures of two pictures, with mixtures of their labels, holds on less to single ones.

Several towers or replicas mix each within its own share of the batch, and so do not quite do what one big batch does.
"""

from cifarlab.backend import tf


def sample_ratios(count: tf.Tensor | int, alpha: float, seed: tf.Tensor) -> tf.Tensor:
    """How much of each picture stays its own: the larger part of a draw from Beta(alpha, alpha).

    Args:
        count: pictures.
        alpha: above 0; 0.2 leaves most pictures nearly alone, 1 draws all ratios equally often.
        seed: int64[2].

    Returns:
        float32[count], 0.5 to 1.

    >>> values = sample_ratios(1000, 0.2, tf.constant([0, 7], tf.int64))
    >>> bool(tf.reduce_min(values) >= 0.5), bool(tf.reduce_mean(values) > 0.8)
    (True, True)
    """
    gammas = tf.random.stateless_gamma([count, 2], seed, alpha)
    ratio = tf.reduce_max(gammas, 1) / tf.reduce_sum(gammas, 1)
    return tf.where(tf.math.is_finite(ratio), ratio, 1.0)  # both so small that their sum is zero


def mix(values: tf.Tensor, ratio: tf.Tensor) -> tf.Tensor:
    """Each value of a batch mixed with that of its partner, the one as far from the batch's other end.

    Args:
        values: float32[B, ...], images, or labels as probabilities of the classes.
        ratio: float32[B], of the value itself; its partner has the rest.

    >>> mix(tf.constant([[0.0], [1.0]]), tf.constant([0.75, 0.5])).numpy().tolist()
    [[0.25], [0.5]]
    """
    ratio = tf.reshape(ratio, [-1] + [1] * (values.shape.rank - 1))
    return ratio * values + (1 - ratio) * tf.reverse(values, [0])
