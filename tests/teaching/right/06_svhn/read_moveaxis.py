"""As in the solution, with `moveaxis`."""

import numpy as np
import scipy.io

CHECK = "check_read_digits"


def answer(path):
    content = scipy.io.loadmat(path)
    images = np.moveaxis(content["X"], -1, 0)
    labels = content["y"][:, 0].astype(np.int32)
    labels[labels == 10] = 0
    return images, labels
