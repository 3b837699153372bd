"""The upper left corner instead of the center."""

CHECK = "check_recognize"
ADVICE = "change the answers. The network"
ADVICE_ID = "recognize.border-used"
LIKE = "right/06_svhn/recognize_by_hand.py"
INSTEAD = [
    ("middle = pictures[:, 2:30, 2:30].astype(np.float32)", "middle = pictures[:, :28, :28].astype(np.float32)"),
]
