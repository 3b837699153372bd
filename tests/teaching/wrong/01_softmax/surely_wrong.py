"""The largest loss instead of the smallest."""

import math

CHECK = "check_smallest_loss"
ADVICE = "the largest loss"
ADVICE_ID = "smallest_loss.largest-loss"


def answer(num_classes):
    return math.log(math.e + num_classes - 1)
