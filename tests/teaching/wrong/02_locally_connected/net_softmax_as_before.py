"""softmax_linear starts with the tutorial's 1 / 192."""

CHECK = "check_local_network"
ADVICE = "stddev 1 / 1152"
ADVICE_ID = "local_network.softmax-stddev"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        'self.softmax_linear = network.Layer("softmax_linear", [1152, 10], stddev=1 / 1152, seed=seed)',
        'self.softmax_linear = network.Layer("softmax_linear", [1152, 10], stddev=1 / 192, seed=seed)',
    ),
]
