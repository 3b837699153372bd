"""The loss as a formula."""

import math

CHECK = "check_smallest_loss"


def answer(num_classes):
    return math.log(math.e + num_classes - 1) - 1
