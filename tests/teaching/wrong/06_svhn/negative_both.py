"""Negative and mirrored."""

CHECK = "check_negative"
ADVICE = "some are neither"
ADVICE_ID = "negative.neither"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "255 - tf.reverse(images, [2])"),
]
