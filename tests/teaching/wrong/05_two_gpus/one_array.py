"""All gradients in one array, which works for variables of one shape only."""

from cifarlab.backend import tf

CHECK = "check_mean_gradients"
ADVICE = "only if all variables have the same shape"
ADVICE_ID = "mean_gradients.one-array"


def answer(tower_gradients):
    return tf.unstack(tf.reduce_mean(tf.stack([tf.stack(gradients) for gradients in tower_gradients]), axis=0))
