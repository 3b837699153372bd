"""A list, picture by picture, of the largest logit's place."""

import functools

import numpy as np

from cifarlab.backend import tf
from tests.teaching.digits import trained

CHECK = "check_recognize"


@functools.cache
def logits():
    return tf.function(trained().logits)  # 5,000 pictures are asked about, each by itself


def answer(pictures):
    return [int(np.argmax(logits()(picture[None]))) for picture in pictures]
