"""Fills the queue with next(), which fails if the file is shorter than the queue."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "fits into the queue completely: answer raised"
ADVICE_ID = "shuffled.short-file"


def answer(in_file, capacity, seed):
    rng, file = np.random.default_rng(seed), iter(in_file)
    queue, out = [next(file) for _ in range(capacity)], []
    for record in file:
        out.append(queue.pop(rng.integers(len(queue))))
        queue.append(record)
    return np.concatenate([out, rng.permutation(queue)])
