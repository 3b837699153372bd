"""A convolution with each set of weights, of which each position keeps its own."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"


def answer(values, weights, biases):
    rows, columns = weights.shape[:2]
    results = []
    for r in range(rows):
        line = [tf.nn.conv2d(values, weights[r, c], 1, "SAME")[:, r, c] for c in range(columns)]
        results.append(tf.stack(line, axis=1))
    return tf.stack(results, axis=1) + biases
