"""Uses only the step, not the run."""

CHECK = "check_negative"
ADVICE = "in another run"
ADVICE_ID = "negative.seed-partly-used"
LIKE = "right/06_svhn/negative_where.py"
INSTEAD = [
    ("seed, stream=10", "[0, seed[1]], stream=10"),
]
