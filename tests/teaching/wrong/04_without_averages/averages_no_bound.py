"""Only the warm-up."""

import numpy as np

CHECK = "check_averages"
ADVICE = "the warm-up never ends"
ADVICE_ID = "averages.no-bound"


def answer(values, decay):
    found = [values[0]]
    for step in range(1, len(values)):
        kept = (1 + step) / (10 + step)
        found.append(kept * found[-1] + (1 - kept) * values[step])
    return np.array(found)
