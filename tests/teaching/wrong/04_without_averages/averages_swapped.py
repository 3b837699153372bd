"""The decay as the weight of the new value."""

import numpy as np

CHECK = "check_averages"
ADVICE = "it is the weight of the new value"
ADVICE_ID = "averages.swapped-weights"


def answer(values, decay):
    found = [values[0]]
    for step, value in enumerate(values[1:], 1):
        part = min(decay, (1 + step) / (10 + step))
        found.append((1 - part) * found[-1] + part * value)
    return np.array(found)
