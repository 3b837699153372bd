"""The tutorial's program in plain TensorFlow 2, as a careful reader of its documentation would write it.

Images are distorted one by one with `tf.image`, the network takes TensorFlow's own operations, and one `tf.function`
holds the step. `python -m benchmarks.baselines.textbook FILE...` serves measurements of images/s.
"""

import sys
import tempfile
import time

import tensorflow as tf

from benchmarks.contenders import BATCH, STEPS, STEPS_ALONE, serve

SHAPES = {
    "conv1": ([5, 5, 3, 64], 0.05, 0.0),
    "conv2": ([5, 5, 64, 64], 0.05, 0.1),
    "local3": ([2304, 384], 0.04, 0.1),
    "local4": ([384, 192], 0.04, 0.1),
    "softmax_linear": ([192, 10], 1 / 192, 0.0),
}


def read(record):
    values = tf.io.decode_raw(record, tf.uint8)
    image = tf.transpose(tf.reshape(values[1:], [3, 32, 32]), [1, 2, 0])
    return tf.cast(image, tf.float32), tf.cast(values[0], tf.int32)


def distort(image, label):
    image = tf.image.random_crop(image, [24, 24, 3])
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_brightness(image, max_delta=63)
    image = tf.image.random_contrast(image, lower=0.2, upper=1.8)
    return tf.image.per_image_standardization(image), label


def inputs(files):
    records = tf.data.FixedLengthRecordDataset(files, 3073).repeat().shuffle(20_000)
    images = records.map(read, tf.data.AUTOTUNE).map(distort, tf.data.AUTOTUNE)
    return images.batch(BATCH, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


class Network:
    def __init__(self):
        self.weights = {
            name: tf.Variable(tf.random.truncated_normal(shape, stddev=stddev))
            for name, (shape, stddev, _) in SHAPES.items()
        }
        self.biases = {name: tf.Variable(tf.fill(shape[-1:], bias)) for name, (shape, _, bias) in SHAPES.items()}
        self.variables = [*self.weights.values(), *self.biases.values()]

    def conv(self, name, values):
        summed = tf.nn.conv2d(values, self.weights[name], 1, "SAME")
        return tf.nn.relu(tf.nn.bias_add(summed, self.biases[name]))

    def dense(self, name, values):
        return tf.matmul(values, self.weights[name]) + self.biases[name]

    def __call__(self, images):
        values = tf.nn.max_pool2d(self.conv("conv1", images), 3, 2, "SAME")
        values = tf.nn.local_response_normalization(values, 4, 1.0, 0.001 / 9, 0.75)
        values = self.conv("conv2", values)
        values = tf.nn.local_response_normalization(values, 4, 1.0, 0.001 / 9, 0.75)
        values = tf.reshape(tf.nn.max_pool2d(values, 3, 2, "SAME"), [-1, 2304])
        values = tf.nn.relu(self.dense("local3", values))
        return self.dense("softmax_linear", tf.nn.relu(self.dense("local4", values)))


def main(files):
    network, step = Network(), tf.Variable(0, dtype=tf.int64)
    averages = tf.train.ExponentialMovingAverage(0.9999, step)
    averages.apply(network.variables)
    writer = tf.summary.create_file_writer(tempfile.mkdtemp())

    @tf.function
    def train_step(images, labels):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, network(images))
            decay = tf.nn.l2_loss(network.weights["local3"]) + tf.nn.l2_loss(network.weights["local4"])
            total = tf.reduce_mean(losses) + 0.004 * decay
        gradients = tape.gradient(total, network.variables)
        for variable, gradient in zip(network.variables, gradients, strict=True):
            variable.assign_sub(0.1 * gradient)
        step.assign_add(1)
        averages.apply(network.variables)
        return total

    def images_per_second(batches, steps):
        start = time.perf_counter()
        for number in range(steps):
            total = train_step(*next(batches))
            if number % 10 == 0:
                float(total)
            if number % 100 == 0:
                with writer.as_default(step=int(step)):
                    tf.summary.scalar("total_loss", total)
                    for place, variable in enumerate(network.variables):
                        tf.summary.histogram(f"variable{place}", variable)
        float(total)
        return steps * BATCH / (time.perf_counter() - start)

    batches = iter(inputs(files))
    one = iter(tf.data.Dataset.from_tensors(next(batches)).cache().repeat())
    serve(training=lambda: images_per_second(batches, STEPS), step=lambda: images_per_second(one, STEPS_ALONE))


if __name__ == "__main__":
    main(sys.argv[1:])
