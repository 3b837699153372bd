"""Shuffles the given array in place."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "Work on a copy"
ADVICE_ID = "shuffled.file-changed"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    for k in range(len(in_file)):
        j = rng.integers(k, min(k + capacity, len(in_file)))
        in_file[k], in_file[j] = in_file[j], in_file[k]
    return in_file
