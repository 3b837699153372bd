"""A network that does not derive from ConvNet."""

CHECK = "check_digits_network"
ADVICE = "derived from cifarlab.ConvNet"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ("class Digits(cifarlab.ConvNet)", "class Digits(tf.Module)"),
]
