"""Cropped and standardized manually."""

import numpy as np

from cifarlab.backend import tf
from tests.teaching.digits import trained

CHECK = "check_recognize"


def answer(pictures):
    middle = pictures[:, 2:30, 2:30].astype(np.float32)
    mean, deviation = middle.mean((1, 2, 3), keepdims=True), middle.std((1, 2, 3), keepdims=True)
    logits = trained().network.stages(tf.constant((middle - mean) / deviation))[-1]
    return tf.argmax(logits, axis=1)
