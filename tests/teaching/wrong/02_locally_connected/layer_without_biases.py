"""The biases exist, but are not used."""

CHECK = "check_local_layer"
ADVICE = "the layer's biases are missing"
ADVICE_ID = "local_layer.no-biases"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "return tf.nn.relu(summed + self.biases)",
        "return tf.nn.relu(summed)",
    ),
]
