"""The time to fill the queue, without replacing the batch."""

CHECK = "check_first_batch_delay"
ADVICE = "the queue is full by then"
ADVICE_ID = "first_batch_delay.filling-only"


def answer(fraction, num_examples, batch_size, records_per_second):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) / records_per_second
