"""The least of the right loss."""

CHECK = "check_smallest_loss"
ADVICE = "0 is the least of the right loss"


def answer(num_classes):
    return 0.0
