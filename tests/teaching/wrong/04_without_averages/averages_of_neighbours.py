"""Each value mixed with the previous value; nothing accumulates."""

import numpy as np

CHECK = "check_averages"
ADVICE = "mixed with the previous value"
ADVICE_ID = "averages.not-iterated"


def answer(values, decay):
    steps = np.arange(1, len(values))
    kept = np.minimum(decay, (1 + steps) / (10 + steps))
    return np.append(values[:1], kept * values[:-1] + (1 - kept) * values[1:])
