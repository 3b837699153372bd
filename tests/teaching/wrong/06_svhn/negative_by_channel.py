"""A draw for each channel of each image."""

CHECK = "check_negative"
ADVICE = "each channel was drawn by itself"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("[1, 1, 1]", "[1, 1, 3]"),
]
