"""Starts from 0 and averages the initial value like the others."""

import numpy as np

CHECK = "check_averages"
ADVICE = "first average should be the initial value"
ADVICE_ID = "averages.first-not-initial"


def answer(values, bound):
    average, found = 0.0, []
    for step, value in enumerate(values):
        kept = min(bound, (1 + step) / (10 + step))
        average = kept * average + (1 - kept) * value
        found.append(average)
    return np.array(found)
