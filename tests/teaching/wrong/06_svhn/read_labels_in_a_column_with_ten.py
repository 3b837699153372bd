"""The labels as they are in the file."""

CHECK = "check_read_digits"
ADVICE = "axes, and a zero still has the label 10"
ADVICE_ID = "read_digits.two-axes-and-ten"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('content["y"][:, 0].astype(np.int32)', 'content["y"]'),
    ("    labels[labels == 10] = 0\n", ""),
]
