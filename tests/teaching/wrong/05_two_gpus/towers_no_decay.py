"""The gradient of the cross-entropy only."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "weight decay is missing"
ADVICE_ID = "tower_gradients.no-decay"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                value = cifarlab.loss(net, net(part), classes).cross_entropy
            gradients.append(tape.gradient(value, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
