"""A sum instead of the mean."""

import numpy as np

CHECK = "check_difference"
ADVICE = "added up over the seeds"
ADVICE_ID = "difference.sum-over-seeds"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.sum(axis=0), points.std(axis=0, ddof=1) / np.sqrt(len(points))
