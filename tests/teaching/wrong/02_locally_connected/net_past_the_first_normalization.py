"""norm1 is computed, but conv2 does not get it."""

CHECK = "check_local_network"
ADVICE = "the stage conv2"
ADVICE_ID = "local_network.other"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "conv2 = self.convolve(norm1, self.conv2)",
        "conv2 = self.convolve(pool1, self.conv2)",
    ),
]
