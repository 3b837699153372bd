"""The second gradient with respect to the probabilities."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "with respect to the probabilities"
ADVICE_ID = "gradients.of-the-probabilities"


def answer(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    probabilities = tf.nn.softmax(logits)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([logits, probabilities])
        once = tf.reduce_mean(cross_entropy(labels, logits))
        twice = tf.reduce_mean(cross_entropy(labels, probabilities))
    return tape.gradient(once, logits), tape.gradient(twice, probabilities)
