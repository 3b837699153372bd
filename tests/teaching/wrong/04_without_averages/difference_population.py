"""Divided by n, as for a whole population."""

import numpy as np

CHECK = "check_difference"
ADVICE = "for a sample, divide"
ADVICE_ID = "difference.population"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0) / np.sqrt(len(points))
