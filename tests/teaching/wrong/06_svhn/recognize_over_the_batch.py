"""Standardized over the whole batch."""

CHECK = "check_recognize"
ADVICE = "half of a batch has less contrast"
ADVICE_ID = "recognize.not-standardized"
LIKE = "right/06_svhn/recognize_by_hand.py"
INSTEAD = [
    ("middle.mean((1, 2, 3), keepdims=True), middle.std((1, 2, 3), keepdims=True)", "middle.mean(), middle.std()"),
]
