"""Keras's, which TensorFlow loads when it is first used: here, while the check runs."""

from cifarlab.backend import tf

CHECK = "check_softmax"


def answer(logits):
    return tf.keras.activations.softmax(logits)
