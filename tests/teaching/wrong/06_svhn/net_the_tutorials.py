"""The tutorial's network under another name."""

import cifarlab

CHECK = "check_digits_network"
ADVICE = "those of the tutorial's network"
ADVICE_ID = "digits_network.tutorials-layers"


class Digits(cifarlab.ConvNet):
    pass


answer = Digits
