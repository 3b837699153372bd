"""`return` is missing."""

CHECK = "check_negative"
ADVICE = "Is `return` missing"
ADVICE_ID = "negative.no-result"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("return tf.where", "tf.where"),
]
