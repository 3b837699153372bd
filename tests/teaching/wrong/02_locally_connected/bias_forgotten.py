"""The biases are not added."""

CHECK = "check_locally_connected"
ADVICE = "the biases are missing"
ADVICE_ID = "locally_connected.no-biases"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "return total + biases",
        "return total",
    ),
]
