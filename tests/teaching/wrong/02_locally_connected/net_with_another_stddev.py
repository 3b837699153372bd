"""The local layers start with the convolutions' stddev."""

CHECK = "check_local_network"
ADVICE = "should start with stddev 0.04"
ADVICE_ID = "local_network.wrong-stddev"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "super().__init__(name, [6, 6, 3, 3, inputs, outputs], stddev=0.04, weight_decay=0.004, seed=seed)",
        "super().__init__(name, [6, 6, 3, 3, inputs, outputs], stddev=0.05, weight_decay=0.004, seed=seed)",
    ),
]
