"""Multiplied by the speed."""

CHECK = "check_first_batch_delay"
ADVICE = "multiplied by the speed"
ADVICE_ID = "first_batch_delay.multiplied"


def answer(fraction, num_examples, batch_size, records_per_second):
    return min(num_examples, int(fraction * num_examples) + 4 * batch_size - 1) * records_per_second
