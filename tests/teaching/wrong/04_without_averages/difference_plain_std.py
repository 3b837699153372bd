"""numpy's deviation as it is."""

CHECK = "check_difference"
ADVICE = "with n where n - 1 belongs"


def answer(raw, averaged):
    points = 100 * (averaged - raw)
    return points.mean(axis=0), points.std(axis=0)
