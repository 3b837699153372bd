"""The labels are sorted, but the images are not."""

CHECK = "check_read_digits"
ADVICE = "should have its digit as label"
ADVICE_ID = "read_digits.other-labels"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("return images, labels", "return images, np.sort(labels)"),
]
