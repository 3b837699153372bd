"""The gradients of each tower, not their mean."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "the update needs their mean"
ADVICE_ID = "tower_gradients.gradients-of-each-tower"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), classes).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return gradients
