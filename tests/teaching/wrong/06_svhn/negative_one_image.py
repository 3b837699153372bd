"""Returns only the first image of the batch."""

CHECK = "check_negative"
ADVICE = "the images should keep their shape"
ADVICE_ID = "negative.shape-changed"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("return tf.where(turned, 255 - images, images)", "return tf.where(turned, 255 - images, images)[:1]"),
]
