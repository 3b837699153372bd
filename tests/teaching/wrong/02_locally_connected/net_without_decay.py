"""Weight decay is forgotten in both layers."""

CHECK = "check_local_network"
ADVICE = "the weight decay of local3"
ADVICE_ID = "local_network.wrong-decay"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "super().__init__(name, [6, 6, 3, 3, inputs, outputs], stddev=0.04, weight_decay=0.004, seed=seed)",
        "super().__init__(name, [6, 6, 3, 3, inputs, outputs], stddev=0.04, seed=seed)",
    ),
]
