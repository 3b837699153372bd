"""One batched matrix product, a batch for each position."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"


def answer(values, weights, biases):
    rows, columns, _, _, inputs, outputs = weights.shape
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
    by_position = tf.transpose(patches, [1, 2, 0, 3])
    summed = tf.matmul(by_position, tf.reshape(weights, [rows, columns, 9 * inputs, outputs]))
    return tf.transpose(summed, [2, 0, 1, 3]) + biases
