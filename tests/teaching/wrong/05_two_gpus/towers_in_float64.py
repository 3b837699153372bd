"""Adds up in float64 and does not convert back."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "need float32 gradients: got float64"
ADVICE_ID = "tower_gradients.wrong-dtype"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), classes).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.cast(tf.add_n(parts), tf.float64) / count for parts in zip(*gradients, strict=True)]
