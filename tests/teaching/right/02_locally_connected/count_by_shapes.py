"""From the shapes of weights and biases, with NumPy's integers."""

import numpy as np

CHECK = "check_size_and_work"


def answer(rows, columns, inputs, outputs, shared):
    where = [] if shared else [rows, columns]
    weights, biases = [*where, 3, 3, inputs, outputs], [*where, outputs]
    return [np.prod(weights) + np.prod(biases), np.prod([rows, columns, 3, 3, inputs, outputs])]
