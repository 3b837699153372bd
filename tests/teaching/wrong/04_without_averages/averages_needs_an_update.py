"""Fails for a run without an update."""

import numpy as np

CHECK = "check_averages"
ADVICE = "correct during a run"
ADVICE_ID = "averages.one-value"


def answer(values, decay):
    found = [values[0], values[0] * 2 / 11 + values[1] * 9 / 11]
    for step in range(2, len(values)):
        kept = min(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * values[step])
    return np.array(found)
