"""Drops the images that cannot be split equally."""

CHECK = "check_shares"
ADVICE = "silently dropped"
ADVICE_ID = "shares.rest-dropped"


def answer(images, labels, towers):
    size = images.shape[0] // towers
    return [(images[t * size : (t + 1) * size], labels[t * size : (t + 1) * size]) for t in range(towers)]
