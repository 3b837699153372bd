"""Patches with their channels last, weights flattened with their channels first."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "one has its channels first"
ADVICE_ID = "locally_connected.patch-order"


def answer(values, weights, biases):
    rows, columns = weights.shape[:2]
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
    flat = tf.reshape(tf.transpose(weights, [0, 1, 4, 2, 3, 5]), [rows, columns, -1, weights.shape[-1]])
    return tf.einsum("bhwk,hwko->bhwo", patches, flat) + biases
