"""The first position's biases everywhere."""

CHECK = "check_locally_connected"
ADVICE = "every position got the same biases"
ADVICE_ID = "locally_connected.shared-biases"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "return total + biases",
        "return total + biases[0, 0]",
    ),
]
