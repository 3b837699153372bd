"""NumPy's standard deviation."""

CHECK = "check_difference"
ADVICE = "with n instead of n - 1"
ADVICE_ID = "difference.population-spread"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0)
