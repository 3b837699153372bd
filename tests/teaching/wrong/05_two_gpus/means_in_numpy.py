"""In NumPy, which cannot be compiled."""

import numpy as np

CHECK = "check_mean_gradients"
ADVICE = "cannot be compiled"
ADVICE_ID = "mean_gradients.not-compiled"


def answer(tower_gradients):
    return [np.mean([part.numpy() for part in parts], axis=0) for parts in zip(*tower_gradients, strict=True)]
