"""Compares only the classes in a batch."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "missing in a batch"
ADVICE_ID = "unevenness.missing-class-skipped"


def answer(labels, batch_size):
    distances = []
    for i in range(len(labels) // batch_size):
        batch = labels[i * batch_size : (i + 1) * batch_size]
        present, counts = np.unique(batch, return_counts=True)
        distances.append(
            sum(abs(n / batch_size - np.mean(labels == c)) for c, n in zip(present, counts, strict=True)) / 2
        )
    return np.mean(distances)
