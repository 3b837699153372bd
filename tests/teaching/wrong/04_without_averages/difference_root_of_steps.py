"""The number of steps instead of the number of seeds."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the root of the number of steps"
ADVICE_ID = "difference.root-of-steps"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0, ddof=1) / np.sqrt(points.shape[1])
