"""In NumPy, which cannot be compiled."""

import numpy as np

CHECK = "check_shares"
ADVICE = "cannot be compiled"
ADVICE_ID = "shares.not-compiled"


def answer(images, labels, towers):
    return list(zip(np.split(images, towers), np.split(labels, towers), strict=True))
