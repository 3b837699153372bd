"""Crops at random, as in training."""

CHECK = "check_recognize"
ADVICE = "nothing may be distorted at random"
LIKE = "right/06_svhn/recognize_by_hand.py"
INSTEAD = [
    (
        "middle = pictures[:, 2:30, 2:30].astype(np.float32)",
        "top = np.random.randint(0, 5)\n    middle = pictures[:, top : top + 28, top : top + 28].astype(np.float32)",
    ),
]
