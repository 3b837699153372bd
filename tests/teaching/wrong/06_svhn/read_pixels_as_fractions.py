"""Pixels as floating-point numbers."""

CHECK = "check_read_digits"
ADVICE = "the images should be uint8"
ADVICE_ID = "read_digits.not-uint8"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'np.moveaxis(content["X"], -1, 0).astype(np.float32)'),
]
