"""A single number for everything."""

import numpy as np

CHECK = "check_difference"
ADVICE = "keep the steps separate"
ADVICE_ID = "difference.over-all"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(), points.std(ddof=1) / np.sqrt(points.size)
