"""Every n-th image with its label."""

CHECK = "check_shares"
ADVICE = "each tower gets every n-th image"
ADVICE_ID = "shares.every-nth"


def answer(images, labels, towers):
    if images.shape[0] % towers:
        raise ValueError("not equal")
    return [(images[tower::towers], labels[tower::towers]) for tower in range(towers)]
