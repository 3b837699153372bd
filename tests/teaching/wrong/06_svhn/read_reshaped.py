"""Axes moved by `reshape`."""

CHECK = "check_read_digits"
ADVICE = "which mixes the images"
ADVICE_ID = "read_digits.reshaped"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'content["X"].reshape(-1, 32, 32, 3)'),
]
