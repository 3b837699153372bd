"""Drops the labels left over before computing the epoch's shares."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "they count in its shares"
ADVICE_ID = "unevenness.rest-not-in-epoch"


def answer(labels, batch_size):
    labels = labels[: len(labels) // batch_size * batch_size]
    batches = labels.reshape(-1, batch_size)
    whole = np.bincount(labels, minlength=10) / len(labels)
    shares = np.array([np.bincount(batch, minlength=10) / batch_size for batch in batches])
    return np.abs(shares - whole).sum(axis=1).mean() / 2
