"""Half the width of a 95% interval, more precisely."""

import numpy as np

CHECK = "check_difference"
ADVICE = "1.96 times"
ADVICE_ID = "difference.interval"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), 1.96 * points.std(axis=0, ddof=1) / np.sqrt(len(points))
