"""The plain mean of all values so far."""

import numpy as np

CHECK = "check_averages"
ADVICE = "mean of all values so far"
ADVICE_ID = "averages.mean-of-all"


def answer(values, decay):
    return np.cumsum(values) / np.arange(1, len(values) + 1)
