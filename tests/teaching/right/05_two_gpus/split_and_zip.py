"""The solution's approach."""

from cifarlab.backend import tf

CHECK = "check_shares"


def answer(images, labels, towers):
    if len(images) % towers != 0:
        raise ValueError(f"{len(images)} images, {towers} towers")
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
