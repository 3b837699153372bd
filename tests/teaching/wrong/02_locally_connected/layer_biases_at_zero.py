"""Biases that start at 0."""

CHECK = "check_local_layer"
ADVICE = "should start at 0.1"
ADVICE_ID = "local_layer.biases-start"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        'self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1), name=f"{name}/biases")',
        'self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.0), name=f"{name}/biases")',
    ),
]
