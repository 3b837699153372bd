"""Initial weights with a deviation of 1."""

CHECK = "check_digits_network"
ADVICE = "The initial weights are too large"
ADVICE_ID = "digits_network.large-initial-loss"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ("stddev=float(np.sqrt(2 / np.prod(shape[:-1])))", "stddev=1.0"),
]
