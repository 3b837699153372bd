"""The time to read a batch, as if there were no queue."""

CHECK = "check_first_batch_delay"
ADVICE = "before it is full"
ADVICE_ID = "first_batch_delay.batch-only"


def answer(fraction, num_examples, batch_size, records_per_second):
    return batch_size / records_per_second
