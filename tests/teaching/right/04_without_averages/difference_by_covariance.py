"""The variance of a difference, from variances and the covariance."""

import numpy as np

CHECK = "check_difference"


def answer(raw, averaged):
    n = len(raw)
    matrices = [np.cov(raw[:, step], averaged[:, step]) for step in range(raw.shape[1])]
    variances = np.array([m[0, 0] + m[1, 1] - 2 * m[0, 1] for m in matrices])
    return 100 * (averaged.mean(0) - raw.mean(0)), 100 * np.sqrt(variances / n)
