"""Labels converted to floating-point numbers."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "labels int32"
ADVICE_ID = "shares.dtype-changed"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        raise ValueError("not equal")
    return list(zip(tf.split(images, towers), tf.split(tf.cast(labels, tf.float32), towers), strict=True))
