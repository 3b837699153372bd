"""The loss of a network that knows nothing."""

import math

CHECK = "check_smallest_loss"
ADVICE = "knows nothing"
ADVICE_ID = "smallest_loss.knows-nothing"


def answer(num_classes):
    return math.log(num_classes)
