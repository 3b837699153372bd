"""The zeros keep their label, 10."""

CHECK = "check_read_digits"
ADVICE = "where a zero has the label 10"
ADVICE_ID = "read_digits.ten-for-zero"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("    labels[labels == 10] = 0\n", ""),
]
