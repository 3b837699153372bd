"""No sum over the input channels."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "one axis too many"
ADVICE_ID = "locally_connected.no-sum"


def answer(values, weights, biases):
    rows, columns = weights.shape[:2]
    padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])
    total = tf.zeros([])
    for row in range(3):
        for column in range(3):
            shifted = padded[:, row : row + rows, column : column + columns]
            total += tf.einsum("bhwi,hwio->bhwio", shifted, weights[:, :, row, column])
    return total + biases[:, :, None]
