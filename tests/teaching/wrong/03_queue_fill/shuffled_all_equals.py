"""Removes all records with the drawn number from the queue."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "correct only if all records are different"
ADVICE_ID = "shuffled.duplicates"


def answer(in_file, capacity, seed):
    generator, queue, out = np.random.default_rng(seed), np.array(in_file[:capacity]), []
    coming = capacity
    while len(queue):
        drawn = queue[generator.integers(len(queue))]
        out.append(drawn)
        queue = queue[queue != drawn]
        if coming < len(in_file):
            queue = np.append(queue, in_file[coming])
            coming += 1
    return np.array(out)
