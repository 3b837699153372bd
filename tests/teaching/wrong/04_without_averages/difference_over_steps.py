"""Over the wrong axis."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the mean over the steps"
ADVICE_ID = "difference.over-steps"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=1), points.std(axis=1, ddof=1) / np.sqrt(points.shape[1])
