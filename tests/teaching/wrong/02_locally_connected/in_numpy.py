"""Correct, but in NumPy, so it cannot be compiled or trained."""

import numpy as np

CHECK = "check_locally_connected"
ADVICE = "not NumPy's or .numpy()"
ADVICE_ID = "locally_connected.numpy-in-graph"


def answer(values, weights, biases):
    values, weights, biases = np.asarray(values), np.asarray(weights), np.asarray(biases)
    padded = np.pad(values, [(0, 0), (1, 1), (1, 1), (0, 0)])
    result = np.zeros([len(values), *biases.shape], np.float32)
    for row, column in np.ndindex(biases.shape[:2]):
        window = padded[:, row : row + 3, column : column + 3]
        result[:, row, column] = np.tensordot(window, weights[row, column], 3)
    return result + biases
