"""All axes reversed, with the channels moved back."""

CHECK = "check_read_digits"
ADVICE = "every digit lies on its side"
ADVICE_ID = "read_digits.rows-and-columns-swapped"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('np.moveaxis(content["X"], -1, 0)', 'content["X"].transpose(3, 1, 0, 2)'),
]
