"""The error of the averaged precisions."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the error of the averaged precisions"
ADVICE_ID = "difference.error-of-averaged"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), 100 * averaged.std(axis=0, ddof=1) / np.sqrt(len(raw))
