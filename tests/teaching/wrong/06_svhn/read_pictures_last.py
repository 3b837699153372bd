"""The axes are as in the file."""

CHECK = "check_read_digits"
ADVICE = "move that axis to the front"
ADVICE_ID = "read_digits.axes-as-stored"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'content["X"]'),
]
