"""Rows and columns within the 3 x 3 weights swapped."""

CHECK = "check_locally_connected"
ADVICE = "within the 3 x 3 weights are swapped"
ADVICE_ID = "locally_connected.rows-and-columns-of-filters"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        'total += tf.einsum("bhwi,hwio->bhwo", shifted, weights[:, :, row, column])',
        'total += tf.einsum("bhwi,hwio->bhwo", shifted, weights[:, :, column, row])',
    ),
]
