"""What the tutorial's own queue held: distorted crops in float32."""

CHECK = "check_queue_megabytes"
ADVICE = "these are crops in float32"


def answer(fraction, num_examples, batch_size):
    return min(num_examples, int(fraction * num_examples) + 3 * batch_size) * 24 * 24 * 3 * 4 / 1e6
