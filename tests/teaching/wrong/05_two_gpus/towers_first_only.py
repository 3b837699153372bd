"""Returns from inside the loop."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "only the first tower's gradient"
ADVICE_ID = "tower_gradients.first-tower"


def answer(net, images, labels, devices):
    count = len(devices)
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(part), classes).total
            return tape.gradient(total, net.trainable_variables)
    return None
