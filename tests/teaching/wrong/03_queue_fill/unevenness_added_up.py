"""The batches' distances are added up, not averaged."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "are added up"
ADVICE_ID = "unevenness.sum-over-batches"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    total = 0.0
    for i in range(len(labels) // batch_size):
        shares = np.bincount(labels[i * batch_size : (i + 1) * batch_size], minlength=10) / batch_size
        total += 0.5 * np.abs(shares - whole).sum()
    return total
