"""No seed for the layers."""

CHECK = "check_digits_network"
ADVICE = "starts the same with every seed"
ADVICE_ID = "digits_network.seed-ignored"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ("np.prod(shape[:-1]))), seed=seed)", "np.prod(shape[:-1]))))"),
]
