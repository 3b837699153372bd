"""NumPy inside TensorFlow: it runs, but no gradient passes through."""

import numpy as np

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "no gradient reaches"
ADVICE_ID = "locally_connected.no-gradient"


def compute(values, weights, biases):
    padded = np.pad(values, [(0, 0), (1, 1), (1, 1), (0, 0)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (1, 2))
    return np.einsum("bhwiyx,hwyxio->bhwo", windows, weights) + biases


@tf.function  # without it, TensorFlow 2.21 and NumPy 2 warn about the inputs
def answer(values, weights, biases):
    return tf.numpy_function(compute, [values, weights, biases], tf.float32)
