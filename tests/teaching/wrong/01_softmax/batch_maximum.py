"""Subtracts the largest logit of the whole batch, or something else that is not the largest of its row."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "all logits have a similar size"
ADVICE_ID = "softmax.mixed-sizes"


def less(number_of):
    def answer(logits):
        exponentials = tf.exp(logits - number_of(logits))
        return exponentials / tf.reduce_sum(exponentials, axis=-1, keepdims=True)

    return answer


answer = less(tf.reduce_max)
ALSO = [
    less(lambda logits: tf.reduce_mean(logits, axis=-1, keepdims=True)),
    less(lambda logits: tf.reduce_min(logits, axis=-1, keepdims=True)),
    less(lambda logits: tf.reduce_max(tf.abs(logits), axis=-1, keepdims=True)),
    less(lambda logits: logits[:, :1]),
    less(lambda logits: tf.reduce_max(logits[0])),
    less(lambda logits: 1000.0 * float(tf.reduce_max(logits) > 80)),
]
