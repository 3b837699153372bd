"""The differences themselves."""

import numpy as np

CHECK = "check_difference"
ADVICE = "a difference for each seed and step"
ADVICE_ID = "difference.no-mean"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points, points.std(axis=0, ddof=1) / np.sqrt(len(points))
