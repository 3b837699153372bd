"""With the classifier."""

import numpy as np

from tests.teaching.digits import trained

CHECK = "check_recognize"


def answer(pictures):
    return np.argmax(trained().logits(pictures), axis=1)
