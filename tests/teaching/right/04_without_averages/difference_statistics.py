"""Step by step, with the standard library."""

import statistics

CHECK = "check_difference"


def answer(raw, averaged):
    means, errors = [], []
    for step in range(raw.shape[1]):
        points = [100 * float(after - before) for before, after in zip(raw[:, step], averaged[:, step], strict=True)]
        means.append(statistics.mean(points))
        errors.append(statistics.stdev(points) / len(points) ** 0.5)
    return means, errors
