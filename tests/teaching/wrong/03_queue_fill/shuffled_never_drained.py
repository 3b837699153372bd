"""The records in the queue at the end of the file stay there."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "keep drawing until it is empty"
ADVICE_ID = "shuffled.last-remain"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    queue = list(in_file[:capacity])
    out = []
    for record in in_file[capacity:]:
        i = rng.integers(capacity)
        out.append(queue[i])
        queue[i] = record
    return np.array(out)
