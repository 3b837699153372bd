"""integers(capacity - 1), as if the upper end were included."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "one position is never drawn"
ADVICE_ID = "shuffled.one-position-never"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    queue, out = list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        place = rng.integers(capacity - 1)
        out.append(queue[place])
        queue[place] = record
    rng.shuffle(queue)
    return np.array(out + queue)
