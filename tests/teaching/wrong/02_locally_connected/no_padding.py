"""VALID padding: only the inner positions."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "the border is missing"
ADVICE_ID = "locally_connected.no-padding"


def answer(values, weights, biases):
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "VALID")
    inner = weights[1:-1, 1:-1]
    flat = tf.reshape(inner, [inner.shape[0], inner.shape[1], -1, inner.shape[-1]])
    return tf.einsum("bhwk,hwko->bhwo", patches, flat) + biases[1:-1, 1:-1]
