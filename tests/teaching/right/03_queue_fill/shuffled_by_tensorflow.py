"""With tf.data's shuffle buffer."""

from cifarlab.backend import tf

CHECK = "check_shuffled"


def answer(in_file, capacity, seed):
    records = tf.data.Dataset.from_tensor_slices(in_file)
    shuffled = records.shuffle(capacity, seed=seed + 1).batch(len(in_file))
    return next(iter(shuffled)).numpy()
