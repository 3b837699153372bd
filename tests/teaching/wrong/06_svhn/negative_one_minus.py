"""One minus each value."""

CHECK = "check_negative"
ADVICE = "1 minus the value"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("255 - images", "1 - images"),
]
