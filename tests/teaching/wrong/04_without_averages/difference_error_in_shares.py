"""Means in points, errors as fractions."""

import numpy as np

CHECK = "check_difference"
ADVICE = "correct, but as a fraction"
ADVICE_ID = "difference.error-as-fraction"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), (averaged - raw).std(axis=0, ddof=1) / np.sqrt(len(points))
