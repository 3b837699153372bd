"""The gradient of the correct loss twice."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "again: give that loss"
ADVICE_ID = "gradients.same-twice"


def answer(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        once = tf.reduce_mean(cross_entropy(labels, logits))
        twice = tf.reduce_mean(cross_entropy(labels, logits))
    return tape.gradient(once, logits), tape.gradient(twice, logits)
