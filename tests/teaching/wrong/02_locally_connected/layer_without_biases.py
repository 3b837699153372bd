"""The biases exist, but are not used."""

CHECK = "check_local_layer"
ADVICE = "the layer's biases are missing"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "return tf.nn.relu(summed + self.biases)",
        "return tf.nn.relu(summed)",
    ),
]
