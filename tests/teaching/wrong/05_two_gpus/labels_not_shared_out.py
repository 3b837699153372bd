"""The images are split, the labels are not."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "the labels are not split"
ADVICE_ID = "shares.labels-not-split"


def answer(images, labels, towers):
    return [(part, labels) for part in tf.split(images, towers)]
