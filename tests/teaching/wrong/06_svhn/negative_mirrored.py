"""A mirror image instead of a negative."""

CHECK = "check_negative"
ADVICE = "these are mirror images"
ADVICE_ID = "negative.mirrored"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "tf.reverse(images, [2])"),
]
