"""The method has another name."""

CHECK = "check_local_layer"
ADVICE = "a method __call__"
ADVICE_ID = "local_layer.not-callable"
LIKE = "right/02_locally_connected/layer_in_two_lines.py"
INSTEAD = [
    (
        "def __call__(self, values):",
        "def call(self, values):",
    ),
]
