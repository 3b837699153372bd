"""In NumPy, row by row, as a list of arrays."""

import numpy as np

CHECK = "check_softmax"


def answer(logits):
    rows = []
    for row in logits.numpy():
        weights = np.exp(row - np.max(row))
        rows.append(weights / weights.sum())
    return rows
