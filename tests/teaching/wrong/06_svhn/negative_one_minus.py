"""One minus each value."""

CHECK = "check_negative"
ADVICE = "1 minus the value"
ADVICE_ID = "negative.one-minus"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "1 - images"),
]
