"""The learning rate as a function of the step."""

from cifarlab.backend import tf


def decay_steps(num_examples: int = 50_000, batch_size: int = 128, epochs_per_decay: float = 350.0) -> int:
    """Steps between two decays of the learning rate.

    >>> decay_steps()
    136718
    """
    return int(num_examples / batch_size * epochs_per_decay)


def learning_rate(
    step: tf.Tensor | int, *, decay_steps: int = 136_718, initial: float = 0.1, factor: float = 0.1
) -> tf.Tensor:
    """Exponential decay in a staircase: `initial * factor ** floor(step / decay_steps)`.

    Args:
        step: integer, updates done so far.
        decay_steps: steps between two decays; 136,718 are 350 epochs of 50,000 images in batches of 128.
        initial: rate before the first decay.
        factor: what the rate is multiplied with at each decay.

    Returns:
        float32[].

    >>> [f"{learning_rate(step):.3f}" for step in (0, 136_717, 136_718)]
    ['0.100', '0.100', '0.010']
    """
    decays = tf.cast(tf.cast(step, tf.int64) // decay_steps, tf.float32)
    return tf.multiply(initial, tf.pow(factor, decays), name="learning_rate")
