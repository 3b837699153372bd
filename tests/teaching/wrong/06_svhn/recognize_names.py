"""Fractions of digits."""

CHECK = "check_recognize"
ADVICE = "digits should be integers"
ADVICE_ID = "recognize.not-digits"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("axis=1)", "axis=1) / 10"),
]
