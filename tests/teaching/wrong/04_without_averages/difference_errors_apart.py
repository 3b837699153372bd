"""The difference of two errors."""

import numpy as np

CHECK = "check_difference"
ADVICE = "the difference of two errors"
ADVICE_ID = "difference.difference-of-errors"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), 100 * (averaged.std(axis=0, ddof=1) - raw.std(axis=0, ddof=1)) / np.sqrt(len(raw))
