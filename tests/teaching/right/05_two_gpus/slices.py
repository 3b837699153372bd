"""Slices, as a tuple of lists."""

CHECK = "check_shares"


def answer(images, labels, towers):
    size, rest = divmod(int(images.shape[0]), towers)
    if rest:
        raise ValueError(f"{towers} unequal shares of {images.shape[0]}")
    found = []
    for first in range(0, towers * size, size):
        found.append([images[first : first + size], labels[first : first + size]])
    return tuple(found)
