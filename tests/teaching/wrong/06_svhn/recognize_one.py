"""One digit for all pictures."""

CHECK = "check_recognize"
ADVICE = "one for each of"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("axis=1)", "axis=1)[0]"),
]
