"""The package's reader."""

import numpy as np

from cifarlab.data.sources import svhn

CHECK = "check_read_digits"


def answer(path):
    images, labels = zip(*svhn.read_digits(path), strict=True)
    return np.concatenate(images), np.concatenate(labels)
