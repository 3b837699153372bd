"""A list of the largest logits' positions, image by image."""

import functools

import numpy as np

from cifarlab.backend import tf
from tests.teaching.digits import trained

CHECK = "check_recognize"


@functools.cache
def logits():
    return tf.function(trained().logits)  # called for 2,800 images, one at a time


def answer(pictures):
    return [int(np.argmax(logits()(picture[None]))) for picture in pictures]
