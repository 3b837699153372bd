"""Padding with the border's own values."""

CHECK = "check_locally_connected"
ADVICE = "the border is padded with its own values"
ADVICE_ID = "locally_connected.repeated-border"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]])",
        'padded = tf.pad(values, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")',
    ),
]
