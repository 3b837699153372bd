"""Without the initial value."""

import numpy as np

CHECK = "check_averages"
ADVICE = "first one is missing"
ADVICE_ID = "averages.first-missing"


def answer(values, decay):
    average, found = values[0], []
    for step, value in enumerate(values[1:], 1):
        kept = min(decay, (1 + step) / (10 + step))
        average = kept * average + (1 - kept) * value
        found.append(average)
    return np.array(found)
