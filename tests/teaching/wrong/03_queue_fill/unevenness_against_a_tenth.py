"""Compares with a tenth for each class, which is correct for CIFAR-10 only."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "compares with a tenth"
ADVICE_ID = "unevenness.tenths"


def answer(labels, batch_size):
    distances = []
    for i in range(len(labels) // batch_size):
        shares = np.bincount(labels[i * batch_size : (i + 1) * batch_size], minlength=10) / batch_size
        distances.append(np.abs(shares - 0.1).sum() / 2)
    return np.mean(distances)
