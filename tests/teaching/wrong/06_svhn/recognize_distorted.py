"""Random crops, as in training."""

CHECK = "check_recognize"
ADVICE = "do not distort them at random"
ADVICE_ID = "recognize.random-answers"
LIKE = "right/06_svhn/recognize_by_hand.py"
INSTEAD = [
    (
        "middle = pictures[:, 2:30, 2:30].astype(np.float32)",
        "tops = np.random.randint(0, 5, len(pictures))\n"
        "    middle = np.stack([p[t : t + 28, t : t + 28] for p, t in zip(pictures, tops)]).astype(np.float32)",
    ),
]
