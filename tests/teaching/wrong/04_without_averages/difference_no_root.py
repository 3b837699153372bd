"""Divided by n instead of its square root."""

CHECK = "check_difference"
ADVICE = "the deviation is divided by n"
ADVICE_ID = "difference.no-root"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0, ddof=1) / len(points)
