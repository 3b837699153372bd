"""The draws of `random_flip`, whose code was copied."""

CHECK = "check_negative"
ADVICE = "these are the draws of random_flip"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("number=10", "number=2"),
]
