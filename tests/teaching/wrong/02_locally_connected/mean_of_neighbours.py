"""The mean over the nine positions instead of the sum."""

CHECK = "check_locally_connected"
ADVICE = "it should be their sum"
ADVICE_ID = "locally_connected.mean-for-sum"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "return total + biases",
        "return total / 9 + biases",
    ),
]
