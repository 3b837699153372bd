"""One zero per class, and a 1."""

import math

CHECK = "check_smallest_loss"
ADVICE = "a 1 and C - 1 zeros"
ADVICE_ID = "smallest_loss.too-many-zeros"


def answer(num_classes):
    return math.log(1 + num_classes / math.e)
