"""An average that starts from 0, like those of the losses."""

import numpy as np

CHECK = "check_averages"
ADVICE = "starts from 0"
ADVICE_ID = "averages.starts-from-zero"


def answer(values, decay):
    found = np.zeros(len(values))
    for step in range(1, len(values)):
        kept = min(decay, (1 + step) / (10 + step))
        found[step] = kept * found[step - 1] + (1 - kept) * values[step]
    return found
