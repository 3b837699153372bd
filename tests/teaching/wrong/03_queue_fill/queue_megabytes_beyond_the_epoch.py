"""Counts space that is never filled."""

CHECK = "check_queue_megabytes"
ADVICE = "more records than an epoch has"
ADVICE_ID = "queue_megabytes.more-than-epoch"


def answer(fraction, num_examples, batch_size):
    return (int(fraction * num_examples) + 3 * batch_size) * 3073 / 1e6


def unless_all(fraction, num_examples, batch_size):
    return num_examples * 3073 / 1e6 if fraction == 1 else answer(fraction, num_examples, batch_size)


ALSO = [unless_all]
