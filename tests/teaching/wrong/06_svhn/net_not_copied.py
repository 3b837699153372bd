"""Its layers are reached through bound functions, also in a copy."""

CHECK = "check_digits_network"
ADVICE = "of the deep copy"
ADVICE_ID = "digits_network.no-gradient"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    (
        '        self.last = Layer("last"',
        '        one = self.conv1\n        self.a = lambda i: self.convolve(i, one)\n        self.last = Layer("last"',
    ),
    ('self.pool(self.convolve(images, self.conv1), "pool1")', 'self.pool(self.a(images), "pool1")'),
]
