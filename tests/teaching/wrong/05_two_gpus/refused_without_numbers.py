"""A ValueError without the numbers."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "name both numbers"
ADVICE_ID = "shares.numbers-not-named"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        raise ValueError("the batch cannot be shared equally")
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
