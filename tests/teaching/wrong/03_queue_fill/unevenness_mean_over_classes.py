"""np.mean over batches and classes at once."""

import numpy as np

CHECK = "check_unevenness"
ADVICE = "half of the mean over the classes"
ADVICE_ID = "unevenness.half-mean-over-classes"


def answer(labels, batch_size):
    count, classes = len(labels) // batch_size, labels.max() + 1
    batches = labels[: count * batch_size].reshape(count, batch_size)
    shares = np.stack([(batches == c).mean(axis=1) for c in range(classes)], axis=1)
    whole = np.array([(labels == c).mean() for c in range(classes)])
    return 0.5 * np.abs(shares - whole).mean()
