"""The sum over the batch instead of its mean."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "the loss is a mean"
ADVICE_ID = "gradients.sum-over-batch"


def losses(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    return cross_entropy(labels, logits), cross_entropy(labels, tf.nn.softmax(logits))


def answer(logits, labels):
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        once, twice = losses(logits, labels)
    return tape.gradient(once, logits), tape.gradient(twice, logits)
