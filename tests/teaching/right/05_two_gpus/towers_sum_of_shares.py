"""Each tower's loss is its part of the total loss, and the gradients are added up."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"


def answer(net, images, labels, devices):
    found = None
    for tower, device in enumerate(devices):
        size = images.shape[0] // len(devices)
        mine = slice(tower * size, (tower + 1) * size)
        with tf.device(device):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(net.trainable_variables)
                part = cifarlab.loss(net, cifarlab.inference(net, images[mine]), labels[mine]).total / len(devices)
            gradients = tape.gradient(part, net.trainable_variables)
        found = gradients if found is None else [one + other for one, other in zip(found, gradients, strict=True)]
    return found
