"""Distorted crops in float32, as in the tutorial's queue."""

CHECK = "check_queue_megabytes"
ADVICE = "these are crops in float32"
ADVICE_ID = "queue_megabytes.crops-in-float32"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) * 24 * 24 * 3 * 4 / 1e6
