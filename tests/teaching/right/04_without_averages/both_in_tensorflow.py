"""Only TensorFlow, with the results as a list of tensors."""

from cifarlab.backend import tf

CHECK = "check_evaluate_both"


def answer(state, images, labels):
    def share(logits):
        return tf.reduce_mean(tf.cast(tf.argmax(logits, -1, tf.int32) == labels, tf.float32))

    return [share(net(images)) for net in (state.network, state.averages)]
