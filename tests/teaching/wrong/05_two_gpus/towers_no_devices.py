"""Shares, but no devices."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "computed on no specific device"
ADVICE_ID = "tower_gradients.networks-elsewhere"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for part, classes in zip(tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.GradientTape() as tape:
            total = cifarlab.loss(net, net(part), classes).total
        gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
