"""n - 1 in both places."""

import numpy as np

CHECK = "check_difference"
ADVICE = "n - 1 is used twice"
ADVICE_ID = "difference.n-minus-one-twice"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0, ddof=1) / np.sqrt(len(points) - 1)
