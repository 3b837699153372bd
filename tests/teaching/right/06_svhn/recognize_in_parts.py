"""A list, some pictures at a time, from the most probable classes."""

from cifarlab.evaluation import prediction
from tests.teaching.digits import trained

CHECK = "check_recognize"


def answer(pictures):
    parts = (pictures[first : first + 50] for first in range(0, len(pictures), 50))
    guesses = (prediction.classify(trained(), part, top=1) for part in parts)
    return [int(best.name) for part in guesses for (best,) in part]
