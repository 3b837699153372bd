"""The whole batch on the first device."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "not split into enough parts"
ADVICE_ID = "tower_gradients.too-few-parts"


def answer(net, images, labels, devices):
    with tf.device(devices[0]):
        with tf.GradientTape() as tape:
            total = cifarlab.loss(net, net(images), labels).total
        return tape.gradient(total, net.trainable_variables)
