"""The draws of `random_flip`, whose code was copied."""

CHECK = "check_negative"
ADVICE = "these are the draws of random_flip"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("stream=10", "stream=2"),
]
