"""With tf.math.in_top_k, the results as one array."""

import numpy as np

from cifarlab.backend import tf

CHECK = "check_evaluate_both"


def answer(state, images, labels):
    logits = [state.network(images), state.averages(images)]
    return np.array([tf.math.in_top_k(labels, values, 1).numpy().mean() for values in logits])
