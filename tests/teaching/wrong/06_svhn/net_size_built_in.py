"""The local layer is hard-coded for crops of 28."""

CHECK = "check_digits_network"
ADVICE = "it should use its arguments"
ADVICE_ID = "digits_network.fixed-sizes"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ("128 * (-(-image_size // 8)) ** 2", "2048"),
]
