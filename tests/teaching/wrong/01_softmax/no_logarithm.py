"""The probability, not its logarithm."""

import math

CHECK = "check_smallest_loss"
ADVICE = "minus its logarithm"
ADVICE_ID = "smallest_loss.no-logarithm"


def answer(num_classes):
    return math.e / (math.e + num_classes - 1)
