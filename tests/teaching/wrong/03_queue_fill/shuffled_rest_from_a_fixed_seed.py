"""The remaining records are shuffled by a separate generator, always the same."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "Draw the remaining records with the generator"
ADVICE_ID = "shuffled.short-file"


def answer(in_file, capacity, seed):
    generator, queue, out = np.random.default_rng(seed), list(in_file[:capacity]), []
    for record in in_file[capacity:]:
        place = generator.integers(len(queue))
        out.append(queue[place])
        queue[place] = record
    return np.concatenate([np.array(out, int), np.random.default_rng(0).permutation(queue)])
