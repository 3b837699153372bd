"""A tenth of the images."""

CHECK = "check_negative"
ADVICE = "about half of the images should"
ADVICE_ID = "negative.not-half"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("< 0.5", "< 0.1"),
]
