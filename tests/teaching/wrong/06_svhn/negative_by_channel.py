"""A separate draw for each channel of each image."""

CHECK = "check_negative"
ADVICE = "each channel has a separate draw"
ADVICE_ID = "negative.separate-draws"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("[1, 1, 1]", "[1, 1, 3]"),
]
