"""The smallest value of the correct loss."""

CHECK = "check_smallest_loss"
ADVICE = "0 is the smallest value of the correct loss"
ADVICE_ID = "smallest_loss.correct-loss"


def answer(num_classes):
    return 0.0
