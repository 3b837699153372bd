"""Rounded for display."""

import numpy as np

CHECK = "check_difference"
ADVICE = "rounded (decimals: 1)"
ADVICE_ID = "difference.rounded"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0).round(1), (points.std(axis=0, ddof=1) / np.sqrt(len(points))).round(1)
