"""SVHN's label for a zero."""

CHECK = "check_recognize"
ADVICE = "here a zero is 0"
ADVICE_ID = "recognize.ten-for-zero"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("return np", "found = np"),
    ("axis=1)", "axis=1)\n    return np.where(found == 0, 10, found)"),
]
