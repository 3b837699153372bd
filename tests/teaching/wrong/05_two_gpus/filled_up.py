"""Fills the shares with images from the beginning of the batch."""

from cifarlab.backend import tf

CHECK = "check_shares"
ADVICE = "images were used twice"
ADVICE_ID = "shares.images-used-twice"


def answer(images, labels, towers):
    missing = -images.shape[0] % towers
    images, labels = (tf.concat([values, values[:1], values[:1], values[:1]], 0) for values in (images, labels))
    size = (images.shape[0] - 3 + missing) // towers
    return [(images[t * size : (t + 1) * size], labels[t * size : (t + 1) * size]) for t in range(towers)]
