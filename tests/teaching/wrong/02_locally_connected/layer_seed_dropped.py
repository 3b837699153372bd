"""The seed is not passed on."""

CHECK = "check_local_layer"
ADVICE = "the seed makes no difference"
ADVICE_ID = "local_layer.seed-ignored"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "weight_decay=0.004, seed=seed)",
        "weight_decay=0.004)",
    ),
]
