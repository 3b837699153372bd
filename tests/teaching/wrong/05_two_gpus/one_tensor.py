"""One tensor with all means in it."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "return a list with one mean"
ADVICE_ID = "mean_gradients.not-a-list"


def answer(tower_gradients):
    return tf.reduce_mean(tower_gradients, axis=0)
