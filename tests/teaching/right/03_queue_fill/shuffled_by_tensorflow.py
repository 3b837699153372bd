"""With tf.data's shuffle buffer."""

import numpy as np

from cifarlab.backend import tf

CHECK = "check_shuffled"


def answer(in_file, capacity, seed):
    records = tf.data.Dataset.from_tensor_slices(in_file)
    return np.array(list(records.shuffle(capacity, seed=seed + 1).as_numpy_iterator()))
