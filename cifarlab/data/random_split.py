"""Choose test images at random, each by a hash of itself, so that adding or removing an image moves no other one."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from numbers import Real

import numpy as np

from cifarlab.data.dataset import DataSetError
from cifarlab.text import sanitize

DEFAULT_TEST_FRACTION = 0.2
"""The fraction of images that become test images by default."""

_HASH_BYTES = 8


def check_test_fraction(fraction: float | None) -> float:
    """Returns the fraction of test images, by default 0.2; raises `DataSetError` if it is not between 0 and 1."""
    value = DEFAULT_TEST_FRACTION if fraction is None else fraction
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 < float(value) < 1:
        raise DataSetError(f"test_fraction must be a number between 0 and 1, such as 0.2; got {value!r}.")
    return float(value)


def choose_test_images(
    keys: Sequence[bytes], labels: np.ndarray, classes: Sequence[str], fraction: float, seed: int
) -> np.ndarray:
    """Chooses test images: about a fraction of each class, at least one image but not all.

    An image's choice depends only on its own key, on the fraction and on the seed. The exception is a class in which
    no image, or every one, would be a test image, as in classes of few images: there, one image changes sides.

    Args:
        keys: what identifies each of the N images, such as the name of its file.
        labels: int[N], from 0 to len(classes) - 1.
        classes: the class names.
        fraction: between 0 and 1.
        seed: random seed.

    Returns:
        bool[N].

    Raises:
        DataSetError: a class has fewer than 2 images.

    >>> labels = np.zeros(1000, int)
    >>> chosen = choose_test_images([b"%d.jpg" % i for i in range(1000)], labels, ["cat"], 0.2, seed=0)
    >>> int(chosen.sum())
    214
    """
    values = np.array([_uniform(key, seed) for key in keys])
    chosen = values < fraction
    for label, name in enumerate(classes):
        places = np.flatnonzero(labels == label)
        if len(places) < 2:
            raise DataSetError(
                f"each class must have at least 2 images, one for training and one for the test; {sanitize(name)} has "
                f"{len(places)}. Add images, or remove the class."
            )
        if not chosen[places].any():
            chosen[places[values[places].argmin()]] = True
        elif chosen[places].all():
            chosen[places[values[places].argmax()]] = False
    return chosen


def pixel_keys(batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> list[bytes]:
    """Returns a key for each image in batches of uint8[n, rows, columns, channels] and labels.

    It depends on the pixels, not on the position. Identical images have different keys.
    """
    seen: Counter[bytes] = Counter()
    keys = []
    for images, _ in batches:
        for image in images:
            pixels = hashlib.blake2b(image.tobytes(), digest_size=16).digest()
            keys.append(b"%s %d" % (pixels, seen[pixels]))
            seen[pixels] += 1
    return keys


def _uniform(key: bytes, seed: int) -> float:
    """Returns a random number from 0 to 1 that depends only on the key and the seed."""
    digest = hashlib.blake2b(b"%d %s" % (seed, key), digest_size=_HASH_BYTES).digest()
    return int.from_bytes(digest, "big") / 256**_HASH_BYTES
