"""A mean over the variables of each tower."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "this is one mean per tower"
ADVICE_ID = "mean_gradients.over-variables"


def answer(tower_gradients):
    return [tf.add_n(gradients) / len(gradients) for gradients in tower_gradients]
