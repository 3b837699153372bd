"""Labels as places in a list that ends with zero."""

CHECK = "check_read_digits"
ADVICE = "as if labels were places"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("    labels[labels == 10] = 0\n", "    labels[labels == 10] = 9\n"),
]
