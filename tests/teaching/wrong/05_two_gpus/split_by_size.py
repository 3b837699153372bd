"""Mistakes tf.split's number of parts for their size."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "the number of parts, not their size"
ADVICE_ID = "shares.size-for-parts"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        raise ValueError(f"{images.shape[0]} images, {towers} towers")
    size = images.shape[0] // towers
    return list(zip(tf.split(images, size), tf.split(labels, size), strict=True))
