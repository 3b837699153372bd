"""The last share takes the remainder."""

import itertools

CHECK = "check_shares"
ADVICE = "the shares have unequal sizes"
ADVICE_ID = "shares.unequal-shares"


def answer(images, labels, towers):
    size = images.shape[0] // towers
    cuts = [size * tower for tower in range(towers)] + [None]
    return [(images[a:b], labels[a:b]) for a, b in itertools.pairwise(cuts)]
