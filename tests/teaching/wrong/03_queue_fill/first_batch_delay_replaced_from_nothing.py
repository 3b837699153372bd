"""The queue is limited to the epoch, but the batch is replaced anyway."""

CHECK = "check_first_batch_delay"
ADVICE = "no records are left to replace"
ADVICE_ID = "first_batch_delay.replaced-from-nothing"


def answer(fraction, num_examples, batch_size, records_per_second):
    held = min(num_examples, int(fraction * num_examples) + 3 * batch_size)
    return (held + batch_size - 1) / records_per_second
