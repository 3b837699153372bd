"""One too much."""

CHECK = "check_negative"
ADVICE = "256 minus the value"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "256 - images"),
]
