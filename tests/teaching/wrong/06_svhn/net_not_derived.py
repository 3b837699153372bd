"""A network that does not derive from ConvNet."""

CHECK = "check_digits_network"
ADVICE = "derived from cifarlab.ConvNet"
ADVICE_ID = "digits_network.not-a-network"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ("class Digits(cifarlab.ConvNet)", "class Digits(tf.Module)"),
]
