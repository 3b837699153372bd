"""Consecutive images with every n-th label."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "labels and images do not match"
ADVICE_ID = "tower_gradients.labels-do-not-match"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for tower, (device, part) in enumerate(zip(devices, tf.split(images, count), strict=True)):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), labels[tower::count]).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
