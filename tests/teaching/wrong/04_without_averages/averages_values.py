"""The values; the average was forgotten."""

import numpy as np

CHECK = "check_averages"
ADVICE = "nothing is averaged"
ADVICE_ID = "averages.not-averaged"


def answer(values, decay):
    return np.array(values)
