"""Biases that training leaves alone."""

CHECK = "check_local_layer"
ADVICE = "biases should be trainable"
ADVICE_ID = "local_layer.not-trainable"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        'outputs], 0.1), name=f"{name}/biases")',
        'outputs], 0.1), trainable=False, name=f"{name}/biases")',
    ),
]
