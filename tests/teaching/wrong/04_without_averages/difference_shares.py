"""Not in points."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the differences are fractions"
ADVICE_ID = "difference.fractions"


def answer(raw, averaged):
    points = averaged - raw
    return points.mean(axis=0), points.std(axis=0, ddof=1) / np.sqrt(len(points))
