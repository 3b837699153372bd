"""Rounded for display."""

import numpy as np

CHECK = "check_averages"
ADVICE = "rounded (decimals: 2)"
ADVICE_ID = "averages.rounded"


def answer(values, bound):
    found = [values[0]]
    for step in range(1, len(values)):
        kept = min(bound, (1 + step) / (10 + step))
        found.append(kept * found[-1] + (1 - kept) * values[step])
    return np.round(found, 2)
