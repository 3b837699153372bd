"""Computed column by column, assembled row by row."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "rows and columns of the result are swapped"
ADVICE_ID = "locally_connected.result-transposed"


def answer(values, weights, biases):
    rows, columns = weights.shape[:2]
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    results = [
        tf.einsum("byxi,yxio->bo", padded[:, r : r + 3, c : c + 3], weights[r, c]) + biases[r, c]
        for c in range(columns)
        for r in range(rows)
    ]
    return tf.reshape(tf.stack(results, 1), [-1, rows, columns, weights.shape[-1]])
