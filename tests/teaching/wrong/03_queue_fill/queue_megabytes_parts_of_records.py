"""Does not truncate the product."""

CHECK = "check_queue_megabytes"
ADVICE = "holds whole records"
ADVICE_ID = "queue_megabytes.not-truncated"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, fraction * num_examples + 3 * batch_size) * 3073 / 1e6
