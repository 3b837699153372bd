"""Labels, then images."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "the labels come first"
ADVICE_ID = "shares.labels-first"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        raise ValueError("not equal")
    return list(zip(tf.split(labels, towers), tf.split(images, towers), strict=True))
