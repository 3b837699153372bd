"""NumPy with symbolic tensors; TensorFlow raises the same exception as the stubs."""

import numpy as np

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "NumPy cannot use tensors inside tf.function"
ADVICE_ID = "softmax.raised-numpy-in-graph"


@tf.function
def answer(logits):
    exponentials = np.exp(logits)
    return exponentials / exponentials.sum(-1, keepdims=True)
