"""A softmax too many in both losses."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "the first gradient has a softmax too many"
ADVICE_ID = "gradients.softmax-too-many"


def answer(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(logits)
        probabilities = tf.nn.softmax(logits)
        once = tf.reduce_mean(cross_entropy(labels, probabilities))
        twice = tf.reduce_mean(cross_entropy(labels, tf.nn.softmax(probabilities)))
    return tape.gradient(once, logits), tape.gradient(twice, logits)
