"""The larger of the two decays."""

import numpy as np

CHECK = "check_averages"
ADVICE = "the larger of the two decays"
ADVICE_ID = "averages.larger-decay"


def answer(values, decay):
    found = [values[0]]
    for step in range(1, len(values)):
        kept = max(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * values[step])
    return np.array(found)
