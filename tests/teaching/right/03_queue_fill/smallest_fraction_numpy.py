"""With arrays; returns a NumPy number."""

import numpy as np

CHECK = "check_smallest_fraction"


def answer(measured, limit):
    fractions, values = np.array(list(measured.items())).T
    good = fractions[values <= limit]
    return good.min() if len(good) else None
