"""One too much."""

CHECK = "check_negative"
ADVICE = "256 minus the value"
ADVICE_ID = "negative.out-of-range"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "256 - images"),
]
