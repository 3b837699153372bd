"""Half the width of a 95% interval."""

import numpy as np

CHECK = "check_difference"
ADVICE = "twice the standard error"
ADVICE_ID = "difference.twice-the-error"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), 2 * points.std(axis=0, ddof=1) / np.sqrt(len(points))
