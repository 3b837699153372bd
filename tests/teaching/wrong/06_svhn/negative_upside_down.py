"""Upside down instead of a negative."""

CHECK = "check_negative"
ADVICE = "these are upside down"
ADVICE_ID = "negative.upside-down"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "tf.reverse(images, [1])"),
]
