"""With TensorFlow's scan, in float32."""

from cifarlab.backend import tf

CHECK = "check_averages"


def answer(values, decay):
    numbers = tf.range(len(values), dtype=tf.float32)
    decays = tf.minimum(tf.cast(decay, tf.float32), (1 + numbers) / (10 + numbers))
    items = tf.constant(values, tf.float32), decays

    def move(before, item):
        return item[1] * before + (1 - item[1]) * item[0]

    return tf.scan(move, items, initializer=tf.constant(values[0], tf.float32))
