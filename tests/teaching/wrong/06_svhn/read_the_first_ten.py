"""Only some of the images."""

CHECK = "check_read_digits"
ADVICE = "the images should have the shape"
ADVICE_ID = "read_digits.wrong-shape"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ("return images, labels", "return images[:10], labels[:10]"),
]
