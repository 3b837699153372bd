"""The fraction is taken of a batch."""

CHECK = "check_queue_megabytes"
ADVICE = "it should be of the epoch"
ADVICE_ID = "queue_megabytes.fraction-of-batch"


def answer(fraction, num_examples, batch_size):
    return (int(fraction * batch_size) + 3 * batch_size) * 3073 / 1e6
