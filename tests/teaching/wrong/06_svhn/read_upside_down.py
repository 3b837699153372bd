"""Each image upside down."""

CHECK = "check_read_digits"
ADVICE = "every image is upside down"
ADVICE_ID = "read_digits.upside-down"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'np.moveaxis(content["X"], -1, 0)[:, ::-1]'),
]
