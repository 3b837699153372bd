"""Each image mirrored."""

CHECK = "check_read_digits"
ADVICE = "every image is mirrored"
ADVICE_ID = "read_digits.mirrored"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'np.moveaxis(content["X"], -1, 0)[:, :, ::-1]'),
]
