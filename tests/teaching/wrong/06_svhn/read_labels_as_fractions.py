"""The labels as floating-point numbers."""

CHECK = "check_read_digits"
ADVICE = "the labels should be integers"
ADVICE_ID = "read_digits.not-integers"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("astype(np.int32)", "astype(np.float32)"),
]
