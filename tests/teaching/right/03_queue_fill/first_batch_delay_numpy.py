"""With NumPy, in a different order."""

import numpy as np

CHECK = "check_first_batch_delay"


def answer(fraction, num_examples, batch_size, records_per_second):
    needed = 4 * batch_size - 1 + np.floor(fraction * num_examples)
    return np.clip(needed, None, num_examples) / records_per_second
