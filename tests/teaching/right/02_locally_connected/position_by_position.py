"""A matrix product for each position."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"


def answer(values, weights, biases):
    rows, columns, _, _, inputs, outputs = weights.shape
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    results = []
    for r in range(rows):
        for c in range(columns):
            window = tf.reshape(padded[:, r : r + 3, c : c + 3], [-1, 9 * inputs])
            results.append(window @ tf.reshape(weights[r, c], [9 * inputs, outputs]) + biases[r, c])
    return tf.reshape(tf.stack(results, axis=1), [-1, rows, columns, outputs])
