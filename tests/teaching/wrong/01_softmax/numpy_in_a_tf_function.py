"""Numpy where there are only symbolic tensors; TensorFlow's exception is the one that stubs raise."""

import numpy as np

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "NumPy cannot use tensors inside tf.function"


@tf.function
def answer(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(-1, keepdims=True)
