"""The logits are the first stage."""

CHECK = "check_digits_network"
ADVICE = "the last stage should be logits"
ADVICE_ID = "digits_network.logits-shape"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ('"Found", found)(**found)', '"Found", list(found)[::-1])(**found)'),
]
