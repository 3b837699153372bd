"""A separate module, which weight decay does not find."""

from cifarlab.backend import tf

CHECK = "check_local_layer"
ADVICE = "should be a subclass of network.Layer"
ADVICE_ID = "local_layer.not-a-layer"


class LocalModule(tf.Module):
    def __init__(self, name, rows, columns, inputs, outputs, seed=0):
        super().__init__(name=name)
        shape, key = [rows, columns, 3, 3, inputs, outputs], [seed, sum(name.encode())]
        self.weights = tf.Variable(
            tf.random.stateless_truncated_normal(shape, key, stddev=0.04), name=f"{name}/weights"
        )
        self.biases = tf.Variable(tf.fill([rows, columns, outputs], 0.1), name=f"{name}/biases")

    def __call__(self, values):
        patches = tf.image.extract_patches(values, [1, 3, 3, 1], [1] * 4, [1] * 4, "SAME")
        rows, columns, *_, outputs = self.weights.shape
        summed = tf.einsum("bhwk,hwko->bhwo", patches, tf.reshape(self.weights, [rows, columns, -1, outputs]))
        return tf.nn.relu(summed + self.biases)


answer = LocalModule
