"""Treats the labels left over as a batch."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "only full batches count"
ADVICE_ID = "unevenness.rest-as-batch"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    distances = []
    for start in range(0, len(labels), batch_size):
        batch = labels[start : start + batch_size]
        distances.append(np.abs(np.bincount(batch, minlength=10) / len(batch) - whole).sum() / 2)
    return np.mean(distances)
