"""Capacity without the three batches."""

CHECK = "check_first_batch_delay"
ADVICE = "three batches are missing"
ADVICE_ID = "first_batch_delay.three-batches-missing"


def answer(fraction, num_examples, batch_size, records_per_second):
    return min(num_examples, int(fraction * num_examples) + batch_size - 1) / records_per_second
