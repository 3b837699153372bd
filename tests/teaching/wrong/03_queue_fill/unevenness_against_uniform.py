"""Compares with equal shares of all classes, not with the epoch's."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "compares with equal shares"
ADVICE_ID = "unevenness.equal-shares"


def answer(labels, batch_size):
    classes = len(np.unique(labels))
    distances = []
    for i in range(len(labels) // batch_size):
        batch = labels[i * batch_size : (i + 1) * batch_size]
        shares = np.bincount(batch, minlength=classes) / batch_size
        distances.append(0.5 * np.sum(np.abs(shares - 1 / classes)))
    return float(np.mean(distances))
