"""Minus each value."""

CHECK = "check_negative"
ADVICE = "the values are only negated"
ADVICE_ID = "negative.negated"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "-images"),
]
