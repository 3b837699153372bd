"""All padding at the bottom and at the right."""

CHECK = "check_locally_connected"
ADVICE = "the 3 x 3 window is off center"
ADVICE_ID = "locally_connected.off-center"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])",
        "padded = tf.pad(values, [[0, 0], [0, 2], [0, 2], [0, 0]])",
    ),
]
