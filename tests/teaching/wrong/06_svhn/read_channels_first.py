"""Channels before rows and columns, as in other libraries."""

CHECK = "check_read_digits"
ADVICE = "should be the last axis"
ADVICE_ID = "read_digits.channels-first"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'content["X"].transpose(3, 2, 0, 1)'),
]
