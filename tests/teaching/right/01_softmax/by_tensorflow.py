"""TensorFlow's function."""

from cifarlab.backend import tf

CHECK = "check_softmax"


answer = tf.nn.softmax
