"""Labels as positions in a list that ends with zero."""

CHECK = "check_read_digits"
ADVICE = "the zeros have the label 9"
ADVICE_ID = "read_digits.nine-for-zero"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("    labels[labels == 10] = 0\n", "    labels[labels == 10] = 9\n"),
]
