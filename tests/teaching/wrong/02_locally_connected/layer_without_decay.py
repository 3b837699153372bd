"""Weight decay is forgotten."""

CHECK = "check_local_layer"
ADVICE = "the weight decay of"
ADVICE_ID = "local_layer.wrong-decay"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "stddev=0.04, weight_decay=0.004, seed=seed)",
        "stddev=0.04, seed=seed)",
    ),
]
