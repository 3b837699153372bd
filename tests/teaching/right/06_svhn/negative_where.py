"""As in the solution, with `where`."""

from cifarlab.backend import tf
from cifarlab.data import distortions

CHECK = "check_negative"


def answer(images, seed):
    images = tf.cast(images, tf.float32)
    turned = distortions.per_image_uniform(images, [1, 1, 1], seed, stream=10) < 0.5
    return tf.where(turned, 255 - images, images)
