"""+= on the biases, which are a variable in training."""

CHECK = "check_locally_connected"
ADVICE = "write total = total"
ADVICE_ID = "locally_connected.variable-changed"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "total = tf.zeros([])",
        "total = biases",
    ),
    (
        "return total + biases",
        "return total",
    ),
]
