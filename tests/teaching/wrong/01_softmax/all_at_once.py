"""One sum for the whole batch: `axis` forgotten."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "keep the pictures apart"


def answer(logits):
    exponentials = tf.exp(logits)
    return exponentials / tf.reduce_sum(exponentials)
