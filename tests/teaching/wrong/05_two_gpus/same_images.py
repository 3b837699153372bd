"""The first share for each tower, as in an early version of the tutorial."""

CHECK = "check_shares"
ADVICE = "the first share of the images"
ADVICE_ID = "shares.same-images"


def answer(images, labels, towers):
    if len(images) % towers:
        raise ValueError("not equal")
    size = len(images) // towers
    return [(images[:size], labels[:size])] * towers
