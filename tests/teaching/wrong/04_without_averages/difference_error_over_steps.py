"""The error over the wrong axis."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the deviation is taken over the steps"
ADVICE_ID = "difference.error-over-steps"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=1, ddof=1) / np.sqrt(points.shape[1])
