"""norm2 is left out."""

CHECK = "check_local_network"
ADVICE = "the stage norm2"
ADVICE_ID = "local_network.other"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        'norm2 = self.normalize(conv2, "norm2")',
        "norm2 = conv2",
    ),
]
