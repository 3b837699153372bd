"""A loop over the images, with the labels as a list."""

import numpy as np
import scipy.io

CHECK = "check_read_digits"


def answer(path):
    content = scipy.io.loadmat(path)
    images = np.stack([content["X"][:, :, :, place] for place in range(content["X"].shape[3])])
    return images, [int(label) % 10 for label in content["y"].ravel()]
