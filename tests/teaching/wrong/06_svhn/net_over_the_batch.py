"""Standardized over the whole batch."""

CHECK = "check_digits_network"
ADVICE = "compute each image separately"
ADVICE_ID = "digits_network.images-mixed"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    (
        "conv1 = self.pool(self.convolve(images",
        "images /= tf.math.reduce_std(images)\n        conv1 = self.pool(self.convolve(images",
    ),
]
