"""The batch size from the static shape, where it may be None."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "instead of values.shape[0]"
ADVICE_ID = "locally_connected.batch-size-fixed"


def answer(values, weights, biases):
    rows, columns, _, _, inputs, outputs = weights.shape
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
    flat = tf.reshape(patches, [values.shape[0], rows, columns, 9 * inputs])
    return tf.einsum("bhwk,hwko->bhwo", flat, tf.reshape(weights, [rows, columns, 9 * inputs, outputs])) + biases
