"""A separate seed, always the same."""

CHECK = "check_negative"
ADVICE = "in another step"
ADVICE_ID = "negative.seed-partly-used"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("seed, stream=10", "[1, 2], stream=10"),
]
