"""Two tapes that are not persistent."""

from cifarlab.backend import tf

CHECK = "check_gradients"


def answer(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    logits = tf.Variable(logits)
    found = []
    for values in (tf.identity, tf.nn.softmax):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(cross_entropy(labels, values(logits)))
        found.append(tape.gradient(loss, logits))
    return found
