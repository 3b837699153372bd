"""Relies on the error of tf.split, which is not a ValueError."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "got InvalidArgumentError"
ADVICE_ID = "shares.other-exception"


def answer(images, labels, towers):
    return list(zip(tf.split(images, towers), tf.split(labels, towers), strict=True))
