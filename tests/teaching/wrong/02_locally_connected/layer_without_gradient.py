"""tf.stop_gradient in the wrong place."""

CHECK = "check_local_layer"
ADVICE = "no gradient reaches its weights"
ADVICE_ID = "local_layer.no-gradient"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "return tf.nn.relu(summed + self.biases)",
        "return tf.nn.relu(tf.stop_gradient(summed) + self.biases)",
    ),
]
