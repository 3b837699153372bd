"""local4 takes what pool2 returns."""

CHECK = "check_local_network"
ADVICE = "it should get the result of local3"
ADVICE_ID = "local_network.skips-local3"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "local4 = self.local4(local3)",
        "local4 = self.local4(pool2)",
    ),
]
