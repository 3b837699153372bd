"""Without absolute values, the differences add up to zero."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "cancel each other"
ADVICE_ID = "unevenness.signed-differences"


def answer(labels, batch_size):
    whole = np.bincount(labels, minlength=10) / len(labels)
    batches = labels[: len(labels) // batch_size * batch_size].reshape(-1, batch_size)
    return float(np.mean([0.5 * np.sum(np.bincount(b, minlength=10) / batch_size - whole) for b in batches]))
