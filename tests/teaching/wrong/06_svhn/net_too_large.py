"""A local layer with a thousand outputs."""

CHECK = "check_digits_network"
ADVICE = "parameters, more than"
ADVICE_ID = "digits_network.too-many-parameters"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ('"local", 128 * (-(-image_size // 8)) ** 2, 256)', '"local", 128 * (-(-image_size // 8)) ** 2, 1024)'),
    ('"last", [256, num_classes]', '"last", [1024, num_classes]'),
]
