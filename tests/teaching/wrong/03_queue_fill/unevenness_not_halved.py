"""The sum of the differences, without the factor 1/2."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "twice as large"
ADVICE_ID = "unevenness.not-halved"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    distances = []
    for start in range(0, len(labels) - batch_size + 1, batch_size):
        batch = labels[start : start + batch_size]
        distances.append(np.abs(np.bincount(batch, minlength=10) / batch_size - whole).sum())
    return np.mean(distances)
