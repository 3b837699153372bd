"""The network called as a function."""

from cifarlab.backend import tf

CHECK = "check_probabilities"


def answer(net, images):
    return tf.nn.softmax(net(images), axis=1).numpy()
