"""The labels keep their second axis."""

CHECK = "check_read_digits"
ADVICE = "axes; they should have one"
ADVICE_ID = "read_digits.two-axes"
LIKE = "right/06_svhn/read_moveaxis.py"
INSTEAD = [
    ('content["y"][:, 0]', 'content["y"]'),
]
