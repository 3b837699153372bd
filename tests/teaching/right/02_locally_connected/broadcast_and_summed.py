"""Everything multiplied with everything, then summed."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"


def answer(values, weights, biases):
    rows, columns = biases.shape[:2]
    padded = tf.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = tf.stack(
        [tf.stack([padded[:, y : y + rows, x : x + columns] for x in range(3)], 3) for y in range(3)], 3
    )  # [B, rows, columns, 3, 3, in]
    return tf.reduce_sum(windows[..., None] * weights, axis=[3, 4, 5]) + biases
