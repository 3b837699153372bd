"""Labels that are not split."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "raised ValueError"
ADVICE_ID = "tower_gradients.raised"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part in zip(devices, tf.split(images, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), labels).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
