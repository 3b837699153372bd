"""One less than each label, as for MATLAB's indices."""

CHECK = "check_read_digits"
ADVICE = "shifted by one"
ADVICE_ID = "read_digits.shifted-labels"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("    labels[labels == 10] = 0\n", "    labels = labels - 1\n"),
]
