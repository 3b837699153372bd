"""A list of images and a list of labels."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "pair them"


def answer(images, labels, towers):
    return tf.split(images, towers), tf.split(labels, towers)
