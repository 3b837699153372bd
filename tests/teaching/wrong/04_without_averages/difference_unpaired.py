"""As if raw and averaged were different runs."""

import numpy as np

CHECK = "check_difference"
ADVICE = "two unrelated sets of runs"
ADVICE_ID = "difference.unpaired"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), 100 * np.sqrt((raw.var(axis=0, ddof=1) + averaged.var(axis=0, ddof=1)) / len(raw))
