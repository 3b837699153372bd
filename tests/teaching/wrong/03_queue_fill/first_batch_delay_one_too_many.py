"""Replaces the batch's last record before the batch is complete."""

CHECK = "check_first_batch_delay"
ADVICE = "one record too many"
ADVICE_ID = "first_batch_delay.one-too-many"


def answer(fraction, num_examples, batch_size, records_per_second):
    return min(num_examples, int(fraction * num_examples) + 4 * batch_size) / records_per_second
