"""Reads more records than an epoch has."""

CHECK = "check_first_batch_delay"
ADVICE = "more records than an epoch has"
ADVICE_ID = "first_batch_delay.more-than-epoch"


def answer(fraction, num_examples, batch_size, records_per_second):
    return (int(fraction * num_examples) + 4 * batch_size - 1) / records_per_second


def unless_full(fraction, num_examples, batch_size, records_per_second):
    if int(fraction * num_examples) + 3 * batch_size >= num_examples:
        return num_examples / records_per_second
    return answer(fraction, num_examples, batch_size, records_per_second)


ALSO = [unless_full]
