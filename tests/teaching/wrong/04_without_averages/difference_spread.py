"""The deviation of single seeds."""

CHECK = "check_difference"
ADVICE = "how far single seeds lie apart"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0, ddof=1)
