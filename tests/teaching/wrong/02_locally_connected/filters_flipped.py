"""A mathematical convolution, with rotated filters."""

CHECK = "check_locally_connected"
ADVICE = "rotated by 180 degrees"
ADVICE_ID = "locally_connected.rotated-filters"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        'total += tf.einsum("bhwi,hwio->bhwo", shifted, weights[:, :, row, column])',
        'total += tf.einsum("bhwi,hwio->bhwo", shifted, weights[:, :, 2 - row, 2 - column])',
    ),
]
