"""A Fisher-Yates shuffle within a window, on a copy."""

import numpy as np

CHECK = "check_shuffled"


def answer(in_file, capacity, seed):
    rng = np.random.RandomState(seed)
    order = np.array(in_file)
    for k in range(len(order)):
        other = rng.randint(k, min(k + capacity, len(order)))
        order[[k, other]] = order[[other, k]]
    return order
