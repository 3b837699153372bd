"""The three batches are forgotten."""

CHECK = "check_queue_megabytes"
ADVICE = "three batches are missing"
ADVICE_ID = "queue_megabytes.three-batches-missing"


def answer(fraction, num_examples, batch_size):
    return int(fraction * num_examples) * 3073 / 1e6
