"""The variance of the mean."""

CHECK = "check_difference"
ADVICE = "the square of the standard error"
ADVICE_ID = "difference.variance"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.var(axis=0, ddof=1) / len(points)
