"""Only the position itself, without its neighbors."""

from cifarlab.backend import tf

CHECK = "check_locally_connected"
ADVICE = "only the position itself is used"
ADVICE_ID = "locally_connected.center-only"


def answer(values, weights, biases):
    return tf.einsum("bhwi,hwio->bhwo", values, weights[:, :, 1, 1]) + biases
