"""Counts the classes 0 to 8."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "labels go up to 9"
ADVICE_ID = "unevenness.classes-missing"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    found = []
    for i in range(0, len(labels) // batch_size * batch_size, batch_size):
        shares = np.bincount(labels[i : i + batch_size], minlength=10) / batch_size
        found.append(np.abs(shares - whole)[:9].sum() / 2)
    return float(np.mean(found)) if found else 0.0
