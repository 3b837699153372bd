"""Pixels from 0 to 1."""

CHECK = "check_read_digits"
ADVICE = "the pixels are scaled"
ADVICE_ID = "read_digits.scaled"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'np.moveaxis(content["X"], -1, 0) / 255'),
]
