"""Without a tape."""

from cifarlab.backend import tf

CHECK = "check_gradients"


def answer(logits, labels):
    truth = tf.one_hot(labels, logits.shape[1])
    inner, count = tf.nn.softmax(logits), logits.shape[0]
    toward = (tf.nn.softmax(inner) - truth) / count
    through = inner * (toward - tf.reduce_sum(inner * toward, axis=1, keepdims=True))
    return (inner - truth) / count, through
