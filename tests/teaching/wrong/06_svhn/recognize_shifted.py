"""Labels that were shifted by one."""

CHECK = "check_recognize"
ADVICE = "every digit is one too low"
ADVICE_ID = "recognize.one-too-low"
LIKE = "right/06_svhn/recognize_by_the_classifier.py"
INSTEAD = [
    (
        "return np.argmax(trained().logits(pictures), axis=1)",
        "return (np.argmax(trained().logits(pictures), axis=1) + 9) % 10",
    ),
]
