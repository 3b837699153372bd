"""Learning rate schedules: the learning rate as a function of the step."""

from cifarlab.backend import do_not_convert, tf


def decay_steps(num_examples: int = 50_000, batch_size: int = 128, epochs_per_decay: float = 350.0) -> int:
    """Returns the number of steps between two decays; for infinite `epochs_per_decay`, more steps than any run has.

    >>> decay_steps()
    136718
    """
    return int(min(num_examples / batch_size * epochs_per_decay, 2.0**62))


@do_not_convert
def learning_rate(
    step: tf.Tensor | int, *, decay_steps: int = 136_718, initial: float = 0.1, factor: float = 0.1
) -> tf.Tensor:
    """Exponential decay in a staircase: `initial * factor ** floor(step / decay_steps)`.

    Args:
        step: integer, the number of updates so far.
        decay_steps: steps between two decays; 136,718 steps are 350 epochs of 50,000 images in batches of 128.
        initial: the learning rate before the first decay.
        factor: multiplies the learning rate at each decay.

    Returns:
        float32[].

    >>> [f"{learning_rate(step):.3f}" for step in (0, 136_717, 136_718)]
    ['0.100', '0.100', '0.010']
    """
    decays = tf.cast(tf.cast(step, tf.int64) // decay_steps, tf.float32)
    return tf.multiply(initial, tf.pow(factor, decays), name="learning_rate")


@do_not_convert
def one_cycle(step: tf.Tensor | int, *, max_steps: int, peak: float = 0.1, warm_up: float = 0.25) -> tf.Tensor:
    """Smith's one-cycle policy: rises linearly from zero to the peak, then falls linearly to zero at `max_steps`.

    The rise keeps a network with momentum from diverging during the first steps. The fall
    averages out the gradients' noise, as averaging the weights does. A run that stops early misses most of this.

    Args:
        step: integer, the number of updates so far.
        max_steps: the number of steps of the whole run.
        peak: the highest learning rate.
        warm_up: the fraction of the run before the peak, above 0 and below 1.

    Returns:
        float32[].

    >>> [f"{one_cycle(step, max_steps=1000, peak=0.1):.3f}" for step in (0, 125, 250, 625, 1000)]
    ['0.000', '0.050', '0.100', '0.050', '0.000']
    """
    done = tf.cast(step, tf.float32) / max_steps
    share = tf.where(done < warm_up, done / warm_up, (1 - done) / (1 - warm_up))
    return tf.multiply(peak, tf.maximum(share, 0.0), name="learning_rate")
