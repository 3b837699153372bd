"""With TensorFlow; returns a tensor."""

from cifarlab.backend import tf

CHECK = "check_unevenness"


def answer(labels, batch_size):
    one_hot = tf.one_hot(labels, 10, dtype=tf.float64)
    batches = tf.data.Dataset.from_tensor_slices(one_hot).batch(batch_size, drop_remainder=True)
    whole = tf.reduce_mean(one_hot, axis=0)
    return tf.reduce_mean([tf.norm(tf.reduce_mean(batch, axis=0) - whole, ord=1) / 2 for batch in batches])
