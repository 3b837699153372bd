"""The logarithm to base 2."""

import math

CHECK = "check_smallest_loss"
ADVICE = "a loss in bits"
ADVICE_ID = "smallest_loss.bits"


def answer(num_classes):
    return math.log2(1 + (num_classes - 1) / math.e)
