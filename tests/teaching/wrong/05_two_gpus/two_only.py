"""Always two halves."""

CHECK = "check_shares"
ADVICE = "one entry per tower"
ADVICE_ID = "shares.fixed-number-of-towers"


def answer(images, labels, towers):
    half = len(images) // 2
    if len(images) % 2:
        raise ValueError("not equal")
    return [(images[:half], labels[:half]), (images[half:], labels[half:])]
