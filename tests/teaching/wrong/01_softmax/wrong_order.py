"""The two gradients in the wrong order."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "in the wrong order"
ADVICE_ID = "gradients.wrong-order"


def losses(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    return cross_entropy(labels, logits), cross_entropy(labels, tf.nn.softmax(logits))


def answer(logits, labels):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        once, twice = map(tf.reduce_mean, losses(logits, labels))
    return tape.gradient(twice, logits), tape.gradient(once, logits)
