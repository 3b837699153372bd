"""Row r, column c computed with the weights of row c, column r."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "the weights of rows and columns are swapped"
ADVICE_ID = "locally_connected.weight-positions-swapped"


def answer(values, weights, biases):
    rows, columns = weights.shape[:2]
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    results = [
        tf.einsum("byxi,yxio->bo", padded[:, r : r + 3, c : c + 3], weights[c, r]) + biases[c, r]
        for r in range(rows)
        for c in range(columns)
    ]
    return tf.reshape(tf.stack(results, 1), [-1, rows, columns, weights.shape[-1]])
