"""Fills the queue, empties it in random order, fills it again."""

import numpy as np

CHECK = "check_shuffled"
ADVICE = "block by block"
ADVICE_ID = "shuffled.block-by-block"


def answer(in_file, capacity, seed):
    rng = np.random.default_rng(seed)
    blocks = [in_file[i : i + capacity] for i in range(0, len(in_file), capacity)]
    return np.concatenate([rng.permutation(block) for block in blocks])
