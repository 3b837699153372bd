"""Probabilities instead of logits."""

CHECK = "check_digits_network"
ADVICE = "these are probabilities"
ADVICE_ID = "digits_network.probabilities"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    (
        "logits = fully_connected(local, self.last, activation=None)",
        "logits = tf.nn.softmax(fully_connected(local, self.last, activation=None))",
    ),
]
