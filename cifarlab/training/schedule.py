"""The learning rate as a function of the step."""

from cifarlab.backend import tf


def decay_steps(num_examples: int = 50_000, batch_size: int = 128, epochs_per_decay: float = 350.0) -> int:
    """Steps between two decays of the learning rate; with infinite epochs more than any run has.

    >>> decay_steps()
    136718
    """
    return int(min(num_examples / batch_size * epochs_per_decay, 2.0**62))


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


def one_cycle(step: tf.Tensor | int, *, max_steps: int, peak: float = 0.1, warm_up: float = 0.25) -> tf.Tensor:
    """Up in a straight line to the peak, then down in one to zero at the end: Smith's one-cycle policy.

    The ascent keeps a network with momentum from diverging while its weights are new; the descent takes the noise of
    the steps out of them, as averaging does. A run that ends anywhere but at `max_steps` gets little of that.

    Args:
        step: integer, updates done so far.
        max_steps: of the whole run.
        peak: the highest rate.
        warm_up: the share of the run before the peak, above 0 and below 1.

    Returns:
        float32[].

    >>> [f"{one_cycle(step, max_steps=1000, peak=0.1):.3f}" for step in (0, 125, 250, 625, 1000)]
    ['0.000', '0.050', '0.100', '0.050', '0.000']
    """
    done = tf.cast(step, tf.float32) / max_steps
    share = tf.where(done < warm_up, done / warm_up, (1 - done) / (1 - warm_up))
    return tf.multiply(peak, tf.maximum(share, 0.0), name="learning_rate")
