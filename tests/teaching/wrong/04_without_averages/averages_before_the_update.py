"""Averages before the update, so each average uses the old weight."""

import numpy as np

CHECK = "check_averages"
ADVICE = "from before the update"
ADVICE_ID = "averages.old-value"


def answer(values, decay):
    found = [values[0]]
    for step in range(1, len(values)):
        kept = min(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * values[step - 1])
    return np.array(found)
