"""The gradient of all losses, the total and its parts."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "Did you take `.total`"
ADVICE_ID = "tower_gradients.twice-the-gradient"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                losses = cifarlab.loss(net, net(part), classes)
            gradients.append(tape.gradient(losses, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
