"""A separate draw for each pixel."""

CHECK = "check_negative"
ADVICE = "each pixel has a separate draw"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("[1, 1, 1]", "images.shape[1:]"),
]
