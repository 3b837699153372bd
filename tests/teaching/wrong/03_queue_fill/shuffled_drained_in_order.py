"""The remaining records leave in order, which is noticed if the file fits into the queue."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "fits into the queue completely: the records left"
ADVICE_ID = "shuffled.short-file"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    queue, out = list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        place = rng.integers(capacity)
        out.append(queue[place])
        queue[place] = record
    return np.array(out + queue)
