"""Network and gradient on the tower's device, but not the loss between them; or each loss on the first one's."""

import contextlib

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "but the losses on"
ADVICE_ID = "tower_gradients.losses-elsewhere"


def towers(place_of_loss):
    def answer(net, images, labels, devices):
        count, gradients = len(devices), []
        for device, part, classes in zip(devices, tf.split(images, count), tf.split(labels, count), strict=True):
            with tf.GradientTape() as tape:
                with tf.device(device):
                    logits = net(part)
                with place_of_loss(devices):
                    total = cifarlab.loss(net, logits, classes).total
            with tf.device(device):
                gradients.append(tape.gradient(total, net.trainable_variables))
        return [tf.add_n(parts) / count for parts in zip(*gradients, strict=True)]

    return answer


answer = towers(lambda devices: contextlib.nullcontext())
ALSO = (towers(lambda devices: tf.device(devices[0])),)
