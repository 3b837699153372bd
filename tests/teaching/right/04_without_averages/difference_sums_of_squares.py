"""From sums of squares, as one array."""

import numpy as np

CHECK = "check_difference"


def answer(raw, averaged):
    n, gains = len(raw), averaged * 100 - raw * 100
    variance = ((gains**2).sum(0) - gains.sum(0) ** 2 / n) / (n - 1)
    return np.array([gains.mean(0), np.sqrt(variance / n)])
