"""In uint8, one image after another, with TensorFlow's draws."""

from cifarlab.backend import tf

CHECK = "check_negative"


def answer(images, seed):
    images = tf.cast(images, tf.uint8)
    draws = tf.random.stateless_uniform([tf.shape(images)[0]], seed[:2])
    return tf.map_fn(lambda pair: 255 - pair[0] if pair[1] > 0.5 else pair[0], (images, draws), tf.uint8)
