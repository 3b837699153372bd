"""tf.roll, which brings in values from the opposite border."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "from the opposite border"
ADVICE_ID = "locally_connected.wrapped-border"


def answer(values, weights, biases):
    total = tf.zeros([])
    for row in range(3):
        for column in range(3):
            shifted = tf.roll(values, [1 - row, 1 - column], [1, 2])
            total += tf.einsum("bhwi,hwio->bhwo", shifted, weights[:, :, row, column])
    return total + biases
