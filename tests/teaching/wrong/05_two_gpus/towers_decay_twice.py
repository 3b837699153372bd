"""Adds weight decay to a total that already contains it."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "weight decay counts 2 times"
ADVICE_ID = "tower_gradients.decay-counted-often"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                losses = cifarlab.loss(net, net(part), classes)
                total = tf.add_n([losses.total, *losses.weight_decay.values()])
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
