"""A loop that ends one update early."""

import numpy as np

CHECK = "check_averages"
ADVICE = "the last one is missing"
ADVICE_ID = "averages.last-missing"


def answer(values, decay):
    found = [values[0]]
    for step in range(1, len(values) - 1):
        kept = min(decay, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * values[step])
    return np.array(found)
