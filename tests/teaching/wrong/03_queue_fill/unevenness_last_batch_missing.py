"""Stops one batch early if no labels are left over."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "the last full batch is missing"
ADVICE_ID = "unevenness.last-batch-missing"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    found = []
    for i in range(0, len(labels) - batch_size, batch_size):
        shares = np.bincount(labels[i : i + batch_size], minlength=10) / batch_size
        found.append(np.abs(shares - whole).sum() / 2)
    return float(np.mean(found)) if found else 0.0
