"""Every tower computes the whole batch: correct values, but no speedup."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "only its own share"
ADVICE_ID = "tower_gradients.too-many-images"


def answer(net, images, labels, devices):
    gradients = []
    for device in devices:
        with tf.device(device):
            with tf.GradientTape() as tape:
                total = cifarlab.loss(net, net(images), labels).total
            gradients.append(tape.gradient(total, net.trainable_variables))
    return [tf.add_n(parts) / len(parts) for parts in zip(*gradients, strict=True)]
