"""Blue, green and red, as in OpenCV."""

CHECK = "check_read_digits"
ADVICE = "red and blue are swapped"
ADVICE_ID = "read_digits.blue-first"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'np.moveaxis(content["X"], -1, 0)[..., ::-1]'),
]
