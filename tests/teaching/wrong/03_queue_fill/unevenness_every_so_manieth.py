"""Columns of reshape(batch_size, -1), so that a batch is spread over the whole epoch."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "consecutive records"
ADVICE_ID = "unevenness.every-nth"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    count = len(labels) // batch_size
    columns = labels[: count * batch_size].reshape(batch_size, count).T
    return np.mean([np.abs(np.bincount(b, minlength=10) / batch_size - whole).sum() / 2 for b in columns])
