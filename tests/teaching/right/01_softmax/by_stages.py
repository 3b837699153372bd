"""The last of the stages, normalized."""

from cifarlab.backend import tf

CHECK = "check_probabilities"


def answer(net, images):
    return tf.nn.softmax(net.stages(images).softmax_linear)
