"""Divided by 1,024 twice."""

CHECK = "check_queue_megabytes"
ADVICE = "not 1,024 x 1,024"
ADVICE_ID = "queue_megabytes.mebibytes"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) * 3073 / 1024**2
