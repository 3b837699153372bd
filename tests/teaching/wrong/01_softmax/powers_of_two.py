"""Powers of 2 instead of e."""

from cifarlab.backend import tf

CHECK = "check_softmax"
ADVICE = "powers of 2"
ADVICE_ID = "softmax.powers-of-two"


def answer(logits):
    powers = 2.0 ** (logits - tf.reduce_max(logits, axis=-1, keepdims=True))
    return powers / tf.reduce_sum(powers, axis=-1, keepdims=True)
