"""The exception is returned."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "`raise` it"
ADVICE_ID = "shares.exception-returned"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        return ValueError(f"{images.shape[0]} images, {towers} towers")
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
