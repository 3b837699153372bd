"""The stddev of the convolutions."""

CHECK = "check_local_layer"
ADVICE = "weights should start with stddev"
ADVICE_ID = "local_layer.wrong-stddev"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "outputs], stddev=0.04, weight_decay=0.004, seed=seed)",
        "outputs], stddev=0.05, weight_decay=0.004, seed=seed)",
    ),
]
