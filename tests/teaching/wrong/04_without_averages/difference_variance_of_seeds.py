"""The variance of single seeds."""

CHECK = "check_difference"
ADVICE = "the variance of single seeds"
ADVICE_ID = "difference.variance-of-seeds"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.var(axis=0, ddof=1)
