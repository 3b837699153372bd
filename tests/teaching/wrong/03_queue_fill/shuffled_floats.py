"""An array that NumPy converts to floats."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "as in the file; got float64"
ADVICE_ID = "shuffled.not-integers"


def answer(in_file, capacity, seed):
    generator, queue, out = np.random.default_rng(seed), list(in_file[:capacity]), np.empty(len(in_file))
    for i in range(len(in_file)):
        place = generator.integers(len(queue))
        out[i] = queue[place]
        if capacity + i < len(in_file):
            queue[place] = in_file[capacity + i]
        else:
            queue.pop(place)
    return out
