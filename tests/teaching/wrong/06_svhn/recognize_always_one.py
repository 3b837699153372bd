"""Always the most common digit."""

CHECK = "check_recognize"
ADVICE = "every image is recognized as a"
ADVICE_ID = "recognize.always-the-same"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("np.argmax(trained().logits(pictures), axis=1)", "np.ones(len(pictures), int)"),
]
