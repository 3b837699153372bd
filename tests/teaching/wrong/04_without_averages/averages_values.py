"""The values; the average was forgotten."""

import numpy as np

CHECK = "check_averages"
ADVICE = "nothing is averaged"


def answer(values, decay):
    return np.array(values)
