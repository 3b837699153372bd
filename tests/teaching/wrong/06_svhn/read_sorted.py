"""The labels sorted, the pictures not."""

CHECK = "check_read_digits"
ADVICE = "picture should have its digit"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("return images, labels", "return images, np.sort(labels)"),
]
