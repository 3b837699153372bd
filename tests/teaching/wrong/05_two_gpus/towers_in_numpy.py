"""The mean in NumPy, which cannot be compiled."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "cannot be compiled"
ADVICE_ID = "tower_gradients.not-compiled"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), classes).total
            gradients.append([gradient.numpy() for gradient in tape.gradient(total, net.trainable_variables)])
    return [sum(parts) / count for parts in zip(*gradients, strict=True)]
