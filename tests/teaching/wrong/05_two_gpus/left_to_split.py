"""Leaves the refusal to tf.split, whose error is no ValueError."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "got InvalidArgumentError"


def answer(images, labels, towers):
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
