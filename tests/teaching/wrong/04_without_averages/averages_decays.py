"""The decays instead of the averages."""

import numpy as np

CHECK = "check_averages"
ADVICE = "these are the decays"
ADVICE_ID = "averages.decays-returned"


def answer(values, decay):
    steps = np.arange(1, len(values))
    return np.minimum(decay, (1 + steps) / (10 + steps))
