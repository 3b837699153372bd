"""The ReLU is forgotten."""

CHECK = "check_local_layer"
ADVICE = "the ReLU is missing: no result"
ADVICE_ID = "local_layer.no-relu"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "return tf.nn.relu(summed + self.biases)",
        "return summed + self.biases",
    ),
]
