"""The tutorial's network under another name."""

import cifarlab

CHECK = "check_digits_network"
ADVICE = "those of the tutorial's network"


class Digits(cifarlab.ConvNet):
    pass


answer = Digits
