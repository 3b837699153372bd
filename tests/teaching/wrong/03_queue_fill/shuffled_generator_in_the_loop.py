"""A new generator for each draw, which always draws the same position."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "Create the generator once"
ADVICE_ID = "shuffled.same-position"


def answer(in_file, capacity, seed):
    queue, out = list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        place = np.random.default_rng(seed).integers(capacity)
        out.append(queue[place])
        queue[place] = record
    np.random.default_rng(seed).shuffle(queue)
    return np.array(out + queue)
