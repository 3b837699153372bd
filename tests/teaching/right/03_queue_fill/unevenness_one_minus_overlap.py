"""The distance as 1 minus the overlap of two distributions; a NumPy number."""

import numpy as np

CHECK = "check_unevenness"


def answer(labels, batch_size):
    one_hot = np.eye(10)[labels]
    batches = one_hot[: len(labels) // batch_size * batch_size].reshape(-1, batch_size, 10).mean(1)
    return np.mean(1 - np.minimum(batches, one_hot.mean(0)).sum(-1))
