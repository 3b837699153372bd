"""A generator without a seed."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "the same seed gave two orders"
ADVICE_ID = "shuffled.not-repeatable"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng()
    queue, out = list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        out.append(queue.pop(rng.integers(len(queue))))
        queue.append(record)
    rng.shuffle(queue)
    return np.array(out + queue)
