"""Applies the update too."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "changed the network's weights"
ADVICE_ID = "tower_gradients.network-changed"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), classes).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    mean = [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
    for variable, gradient in zip(net.trainable_variables, mean, strict=True):
        variable.assign_sub(0.1 * gradient)
    return mean
