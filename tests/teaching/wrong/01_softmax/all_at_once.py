"""One sum for the whole batch: `axis` forgotten."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "all numbers together add up to 1"
ADVICE_ID = "softmax.all-at-once"


def answer(logits):
    exponentials = tf.exp(logits)
    return exponentials / tf.reduce_sum(exponentials)
