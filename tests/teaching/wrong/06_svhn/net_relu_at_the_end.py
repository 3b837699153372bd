"""The last layer keeps its ReLU."""

CHECK = "check_digits_network"
ADVICE = "no logit is ever negative"
ADVICE_ID = "digits_network.relu-on-logits"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ("logits = fully_connected(local, self.last, activation=None)", "logits = fully_connected(local, self.last)"),
]
