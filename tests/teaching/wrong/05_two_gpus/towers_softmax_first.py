"""Probabilities instead of logits."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "takes logits"
ADVICE_ID = "tower_gradients.not-of-total-loss"


def answer(net, images, labels, devices):
    count, gradients = len(devices), []
    for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, tf.nn.softmax(net(part)), classes).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]
