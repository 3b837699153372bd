"""Initial weights from NumPy, without a seed."""

CHECK = "check_digits_network"
ADVICE = "starts differently with the same seed"
ADVICE_ID = "digits_network.not-repeatable"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    (
        "self.last = Layer(",
        "self.conv1.weights.assign(np.random.normal(0, 0.1, self.conv1.weights.shape))\n        self.last = Layer(",
    ),
]
