"""Bits instead of bytes."""

CHECK = "check_queue_megabytes"
ADVICE = "eight times too large"
ADVICE_ID = "queue_megabytes.bits"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) * 3073 * 8 / 1e6
