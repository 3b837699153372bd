"""The logarithm to base 10."""

import math

CHECK = "check_smallest_loss"
ADVICE = "base 10"
ADVICE_ID = "smallest_loss.base-ten"


def answer(num_classes):
    return math.log10(1 + (num_classes - 1) / math.e)
