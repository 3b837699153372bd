"""Only one gradient."""

from cifarlab.backend import tf

CHECK = "check_gradients"
ADVICE = "return two gradients"
ADVICE_ID = "gradients.not-a-pair"


def losses(logits, labels):
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits
    return cross_entropy(labels, logits), cross_entropy(labels, tf.nn.softmax(logits))


def answer(logits, labels):
    with tf.GradientTape() as tape:
        tape.watch(logits)
        once = tf.reduce_mean(losses(logits, labels)[0])
    return tape.gradient(once, logits)
