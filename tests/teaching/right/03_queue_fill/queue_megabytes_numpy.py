"""With NumPy's floor."""

import numpy as np

CHECK = "check_queue_megabytes"


def answer(fraction, num_examples, batch_size):
    return np.minimum(np.floor(fraction * num_examples) + 3 * batch_size, num_examples) * 3.073e-3
