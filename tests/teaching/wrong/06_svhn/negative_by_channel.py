"""A separate draw for each channel of each image."""

CHECK = "check_negative"
ADVICE = "each channel has a separate draw"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("[1, 1, 1]", "[1, 1, 3]"),
]
