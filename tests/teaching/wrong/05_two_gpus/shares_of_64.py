"""Shares of 64 images for every batch."""

CHECK = "check_shares"
ADVICE = "a fixed number"
ADVICE_ID = "shares.fixed-size"


def answer(images, labels, towers):
    return [(images[64 * t : 64 * (t + 1)], labels[64 * t : 64 * (t + 1)]) for t in range(towers)]
