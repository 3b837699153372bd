"""The labels are not returned."""

CHECK = "check_read_digits"
ADVICE = "images and labels; got"
ADVICE_ID = "read_digits.not-two-values"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("return images, labels", "return images"),
]
