"""Keras's function, which TensorFlow loads lazily: here, while the check runs."""

from cifarlab.backend import tf

CHECK = "check_softmax"


def answer(logits):
    return tf.keras.activations.softmax(logits)
