"""Probabilities instead of logits."""

CHECK = "check_local_network"
ADVICE = "the loss applies it"
ADVICE_ID = "local_network.softmax-on-logits"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        "self.softmax_linear, activation=None)",
        "self.softmax_linear, activation=tf.nn.softmax)",
    ),
]
