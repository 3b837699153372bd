"""The draws of `random_flip`, copied from its code."""

CHECK = "check_negative"
ADVICE = "these are the draws of random_flip"
ADVICE_ID = "negative.same-draws"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("stream=10", "stream=2"),
]
