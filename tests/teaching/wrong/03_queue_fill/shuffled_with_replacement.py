"""A record that was drawn stays in the queue."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "delivered twice"
ADVICE_ID = "shuffled.twice-delivered"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    out = []
    for k in range(len(in_file)):
        queue = in_file[k : k + capacity]
        out.append(rng.choice(queue))
    return np.array(out)
