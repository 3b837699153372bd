"""The logits through a ReLU, fully_connected's default."""

CHECK = "check_local_network"
ADVICE = "pass activation=None"
ADVICE_ID = "local_network.relu-on-logits"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "logits = network.fully_connected(tf.reshape(local4, [-1, 1152]), self.softmax_linear, activation=None)",
        "logits = network.fully_connected(tf.reshape(local4, [-1, 1152]), self.softmax_linear)",
    ),
]
