"""Decoded images in float32."""

CHECK = "check_queue_megabytes"
ADVICE = "these are images in float32"
ADVICE_ID = "queue_megabytes.images-in-float32"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) * 32 * 32 * 3 * 4 / 1e6
