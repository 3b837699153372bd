"""The logits themselves."""

CHECK = "check_recognize"
ADVICE = "these are logits or probabilities"
ADVICE_ID = "recognize.logits-returned"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    ("np.argmax(trained().logits(pictures), axis=1)", "trained().logits(pictures)"),
]
