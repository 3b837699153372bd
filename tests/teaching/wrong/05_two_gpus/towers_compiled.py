"""A compiled function for each tower, which is traced only once for all devices."""

import cifarlab
from cifarlab.backend import tf

CHECK = "check_tower_gradients"
ADVICE = "do not use tf.function here"
ADVICE_ID = "tower_gradients.compiled-by-student"


def answer(net, images, labels, devices):
    @tf.function
    def tower(images, labels):
        with tf.GradientTape() as tape:
            losses = cifarlab.loss(net, net.stages(images).softmax_linear, labels)
        return tape.gradient(losses.total, net.trainable_variables)

    size = images.shape[0] // len(devices)
    means = [tf.zeros_like(variable) for variable in net.trainable_variables]
    for number, device in enumerate(devices):
        with tf.device(device):
            mine = slice(number * size, (number + 1) * size)
            means = [m + g / len(devices) for m, g in zip(means, tower(images[mine], labels[mine]), strict=True)]
    return tuple(means)
