"""The error of the raw precisions."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the error of the raw precisions"
ADVICE_ID = "difference.error-of-raw"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), 100 * raw.std(axis=0, ddof=1) / np.sqrt(len(raw))
