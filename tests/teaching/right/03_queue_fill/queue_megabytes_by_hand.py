"""From the numbers, with if and else."""

CHECK = "check_queue_megabytes"


def answer(fraction, num_examples, batch_size):
    held = int(num_examples * fraction) + 3 * batch_size
    if held > num_examples:
        held = num_examples
    return held * (1 + 3 * 32 * 32) / 1_000_000
