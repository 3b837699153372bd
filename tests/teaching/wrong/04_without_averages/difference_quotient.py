"""In percent, from the means."""

import numpy as np

CHECK = "check_difference"
ADVICE = "quotient of two means"
ADVICE_ID = "difference.quotient"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return 100 * (averaged.mean(axis=0) / raw.mean(axis=0) - 1), points.std(axis=0, ddof=1) / np.sqrt(len(points))
