"""Only the image's bytes."""

CHECK = "check_queue_megabytes"
ADVICE = "one byte short"
ADVICE_ID = "queue_megabytes.label-missing"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) * 32 * 32 * 3 / 1e6
