"""The labels' slice does not advance."""

CHECK = "check_shares"
ADVICE = "the first share of the labels"
ADVICE_ID = "shares.same-labels"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        raise ValueError("not equal")
    size = images.shape[0] // towers
    return [(images[start : start + size], labels[:size]) for start in range(0, images.shape[0], size)]
