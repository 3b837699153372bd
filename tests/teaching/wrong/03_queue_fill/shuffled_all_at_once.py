"""The whole file is shuffled, regardless of the capacity."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "before the queue has read it"
ADVICE_ID = "shuffled.not-read-yet"


def answer(in_file, capacity, seed):
    return np.random.default_rng(seed).permutation(in_file)
