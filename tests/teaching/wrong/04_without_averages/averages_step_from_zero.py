"""The step before the update, so that the first decay is 1/10."""

import numpy as np

CHECK = "check_averages"
ADVICE = "is 1/10"
ADVICE_ID = "averages.counted-before"


def answer(values, decay):
    found = [values[0]]
    for step, value in enumerate(values[1:], 0):
        kept = min(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * value)
    return np.array(found)
