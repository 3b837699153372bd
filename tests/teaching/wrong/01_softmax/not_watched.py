"""A tape that does not watch the logits."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "Call tape.watch"
ADVICE_ID = "gradients.not-watched"


def losses(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    return cross_entropy(labels, logits), cross_entropy(labels, tf.nn.softmax(logits))


def answer(logits, labels):
    with tf.GradientTape(persistent=True) as tape:
        once, twice = map(tf.reduce_mean, losses(logits, labels))
    return tape.gradient(once, logits), tape.gradient(twice, logits)
