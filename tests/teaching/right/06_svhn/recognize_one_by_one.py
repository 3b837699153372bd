"""A list, picture by picture, from the most probable classes."""

from cifarlab.evaluation import prediction
from tests.teaching.digits import trained

CHECK = "check_recognize"


def answer(pictures):
    return [int(prediction.classify(trained(), picture[None], top=1)[0][0].name) for picture in pictures]
