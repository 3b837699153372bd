"""The ReLU is forgotten."""

CHECK = "check_local_network"
ADVICE = "the ReLU of local3 is missing"
ADVICE_ID = "local_network.no-relu-local3"
LIKE = "right/02_locally_connected/net_written_out.py"
INSTEAD = [
    (
        'return tf.nn.relu(tf.einsum("bhwk,hwko->bhwo", patches, weights) + self.biases)',
        'return tf.einsum("bhwk,hwko->bhwo", patches, weights) + self.biases',
    ),
]
