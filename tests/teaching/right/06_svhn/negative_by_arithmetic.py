"""With a sign and an offset."""

from cifarlab.backend import tf
from cifarlab.data import distortions

CHECK = "check_negative"


def answer(images, seed):
    sign = tf.sign(distortions.per_image_uniform(images, [1, 1, 1], seed, 33, -1.0, 1.0))
    return 127.5 + sign * (tf.cast(images, tf.float32) - 127.5)
