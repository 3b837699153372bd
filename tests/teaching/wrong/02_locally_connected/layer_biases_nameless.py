"""Biases under TensorFlow's default name."""

CHECK = "check_local_layer"
ADVICE = "should be named"
ADVICE_ID = "local_layer.variable-name"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        'self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1), name=f"{name}/biases")',
        "self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1))",
    ),
]
