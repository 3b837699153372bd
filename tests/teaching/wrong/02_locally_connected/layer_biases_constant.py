"""Constant biases, which training cannot change."""

CHECK = "check_local_layer"
ADVICE = "which training can change"
ADVICE_ID = "local_layer.not-a-variable"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        'self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1), name=f"{name}/biases")',
        "self.biases = tf.fill([rows, columns, outputs], 0.1)",
    ),
]
