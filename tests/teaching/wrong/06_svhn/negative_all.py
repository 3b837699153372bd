"""Every image becomes a negative."""

CHECK = "check_negative"
ADVICE = "every image became a negative"
ADVICE_ID = "negative.all-or-none"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("tf.where(turned, 255 - images, images)", "255 - images"),
]
