"""Nine neighbors stacked after the channels, with unchanged weights."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "Print a small patch"
ADVICE_ID = "locally_connected.patch-order"


def answer(values, weights, biases):
    rows, columns = weights.shape[:2]
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    shifted = [padded[:, n // 3 : n // 3 + rows, n % 3 : n % 3 + columns] for n in range(9)]
    patches = tf.reshape(tf.stack(shifted, -1), [-1, rows, columns, 9 * values.shape[-1]])
    return tf.einsum("bhwk,hwko->bhwo", patches, tf.reshape(weights, [rows, columns, -1, weights.shape[-1]])) + biases
