"""The deviation of single seeds."""

CHECK = "check_difference"
ADVICE = "the spread of single seeds. The error"
ADVICE_ID = "difference.spread"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0, ddof=1)
