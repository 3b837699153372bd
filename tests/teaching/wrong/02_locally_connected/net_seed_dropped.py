"""super().__init__ without the seed: different filters from the tutorial's network."""

CHECK = "check_local_network"
ADVICE = "super().__init__"
ADVICE_ID = "local_network.convolutions-start"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "super().__init__(seed=seed)",
        "super().__init__()",
    ),
]
