"""The network runs before the tape, and adding up None fails."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "the tape did not record"
ADVICE_ID = "tower_gradients.no-gradient"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            logits = net(part)
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, logits, classes).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
