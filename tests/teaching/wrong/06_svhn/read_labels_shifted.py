"""One less than each label, as one does with MATLAB's places."""

CHECK = "check_read_digits"
ADVICE = "shifted by one"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("    labels[labels == 10] = 0\n", "    labels = labels - 1\n"),
]
