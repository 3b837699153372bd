"""The errors first."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the standard errors come first"
ADVICE_ID = "difference.errors-first"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.std(axis=0, ddof=1) / np.sqrt(len(points)), points.mean(axis=0)
