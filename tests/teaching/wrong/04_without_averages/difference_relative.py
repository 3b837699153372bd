"""In percent of the raw precision."""

import numpy as np

CHECK = "check_difference"
ADVICE = "relative to the raw precision"
ADVICE_ID = "difference.relative"


def answer(raw, averaged):
    points = 100 * (averaged - raw) / raw
    return points.mean(axis=0), points.std(axis=0, ddof=1) / np.sqrt(len(points))
