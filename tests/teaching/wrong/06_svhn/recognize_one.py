"""One digit for all images."""

CHECK = "check_recognize"
ADVICE = "return one digit for each of"
ADVICE_ID = "recognize.digits-shape"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("axis=1)", "axis=1)[0]"),
]
