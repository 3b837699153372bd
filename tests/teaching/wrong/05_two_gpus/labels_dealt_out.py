"""Consecutive images with every n-th label."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "but each tower gets every n-th label"
ADVICE_ID = "shares.labels-every-nth"


def answer(images, labels, towers):
    return [(part, labels[tower::towers]) for tower, part in enumerate(tf.split(images, towers))]
