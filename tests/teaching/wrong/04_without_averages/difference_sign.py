"""Raw minus averaged."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the sign"
ADVICE_ID = "difference.wrong-sign"


def answer(raw, averaged):
    points = 100 * (raw - averaged)
    return points.mean(axis=0), points.std(axis=0, ddof=1) / np.sqrt(len(points))
