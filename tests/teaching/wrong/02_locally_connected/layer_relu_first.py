"""The ReLU before the biases."""

CHECK = "check_local_layer"
ADVICE = "the ReLU comes before the biases"
ADVICE_ID = "local_layer.relu-first"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "return tf.nn.relu(summed + self.biases)",
        "return tf.nn.relu(summed) + self.biases",
    ),
]
