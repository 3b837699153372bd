"""A batch size from shape[0], which is unknown in tf.function."""

CHECK = "check_local_layer"
ADVICE = "do not use shape[0]"
ADVICE_ID = "local_layer.not-compiled"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "return tf.nn.relu(summed + self.biases)",
        "return tf.nn.relu(tf.reshape(summed, [values.shape[0], rows, columns, outputs]) + self.biases)",
    ),
]
