"""An activation function where none belongs."""

CHECK = "check_locally_connected"
ADVICE = "leave the ReLU to the layer"
ADVICE_ID = "locally_connected.relu-inside"
LIKE = "right/02_locally_connected/nine_shifts.py"
INSTEAD = [
    (
        "return total + biases",
        "return tf.nn.relu(total + biases)",
    ),
]
