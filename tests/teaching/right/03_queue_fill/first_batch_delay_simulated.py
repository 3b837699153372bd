"""Simulated record by record."""

CHECK = "check_first_batch_delay"


def answer(fraction, num_examples, batch_size, records_per_second):
    capacity = int(num_examples * fraction) + 3 * batch_size
    read = held = 0
    for _ in range(batch_size):
        while held < capacity and read < num_examples:
            held, read = held + 1, read + 1
        held -= 1
    return read / records_per_second
