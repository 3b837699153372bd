"""The zeros keep their label, 10."""

CHECK = "check_read_digits"
ADVICE = "a zero has 10 there"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("    labels[labels == 10] = 0\n", ""),
]
