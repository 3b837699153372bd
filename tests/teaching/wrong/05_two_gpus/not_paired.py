"""A list of images and a list of labels."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "return one pair per tower"
ADVICE_ID = "shares.not-paired"


def answer(images, labels, towers):
    return tf.split(images, towers), tf.split(labels, towers)
