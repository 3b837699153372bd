"""norm1 is left out."""

CHECK = "check_local_network"
ADVICE = "the stage norm1"
ADVICE_ID = "local_network.other"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        'norm1 = self.normalize(pool1, "norm1")',
        "norm1 = pool1",
    ),
]
