"""TensorFlow's patches."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"


def answer(values, weights, biases):
    patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
    rows, columns, *_, outputs = weights.shape
    return tf.einsum("bhwk,hwko->bhwo", patches, tf.reshape(weights, [rows, columns, -1, outputs])) + biases
