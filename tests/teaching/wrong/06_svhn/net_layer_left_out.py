"""One convolution is created but not used."""

CHECK = "check_digits_network"
ADVICE = "is its layer unused"
ADVICE_ID = "digits_network.no-gradient"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ('self.pool(self.convolve(conv2, self.conv3), "pool3")', 'tf.concat([self.pool(conv2, "pool3")] * 2, -1)'),
]
