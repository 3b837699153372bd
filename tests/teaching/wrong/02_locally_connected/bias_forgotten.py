"""The biases are not added."""

CHECK = "check_locally_connected"
ADVICE = "the biases are missing"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "return total + biases",
        "return total",
    ),
]
