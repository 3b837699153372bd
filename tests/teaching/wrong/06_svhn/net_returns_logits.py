"""Returns only the logits."""

CHECK = "check_digits_network"
ADVICE = "a NamedTuple of all stages"
ADVICE_ID = "digits_network.not-stages"
LIKE = "right/06_svhn/net_of_four_convolutions.py"
INSTEAD = [
    ('return collections.namedtuple("Found", found)(**found)', "return logits"),
]
