"""A step ahead of the updates."""

import numpy as np

CHECK = "check_averages"
ADVICE = "is 3/12"
ADVICE_ID = "averages.counted-twice"


def answer(values, decay):
    found = [values[0]]
    for step, value in enumerate(values[1:], 2):
        kept = min(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * value)
    return np.array(found)
