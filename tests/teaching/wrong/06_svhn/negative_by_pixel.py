"""A separate draw for each pixel."""

CHECK = "check_negative"
ADVICE = "each pixel has a separate draw"
ADVICE_ID = "negative.separate-draws"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("[1, 1, 1]", "images.shape[1:]"),
]
