"""The whole tutorial in one file of plain TensorFlow 2. Read it from top to bottom, then see what the package adds.

`python examples/one_file.py` trains on images drawn by cifarlab, and with `--data DIR` on the binary files of CIFAR-10.
"""

import argparse
import datetime
import pathlib
import time

import tensorflow as tf

BATCH_SIZE = 128
RECORD_BYTES = 1 + 32 * 32 * 3  # a label, then the red, green and blue values, row by row
SHAPES = {  # shape and initial standard deviation of the weights, and the initial value of the biases
    "conv1": ([5, 5, 3, 64], 0.05, 0.0),
    "conv2": ([5, 5, 64, 64], 0.05, 0.1),
    "local3": ([6 * 6 * 64, 384], 0.04, 0.1),
    "local4": ([384, 192], 0.04, 0.1),
    "softmax_linear": ([192, 10], 1 / 192, 0.0),
}


def read(record):
    """Returns the image, float32[32, 32, 3] from 0 to 255, and the label, int32[], of a record."""
    values = tf.cast(tf.io.decode_raw(record, tf.uint8), tf.int32)
    return tf.cast(tf.transpose(tf.reshape(values[1:], [3, 32, 32]), [1, 2, 0]), tf.float32), values[0]


def distort(image, label):
    """Distorts an image at random, so that the network never sees the same image twice and cannot memorize it."""
    image = tf.image.random_crop(image, [24, 24, 3])
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_brightness(image, max_delta=63)
    image = tf.image.random_contrast(image, lower=0.2, upper=1.8)
    return tf.image.per_image_standardization(image), label


def distorted_inputs(files):
    """Returns endless shuffled batches for training: float32[128, 24, 24, 3] and int32[128]."""
    records = tf.data.FixedLengthRecordDataset(files, RECORD_BYTES).repeat().shuffle(20_000)
    images = records.map(read, tf.data.AUTOTUNE).map(distort, tf.data.AUTOTUNE)
    return images.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE)


def inputs(files):
    """Returns the central crop of every image exactly once, undistorted, for evaluation."""
    images, labels = next(iter(tf.data.FixedLengthRecordDataset(files, RECORD_BYTES).map(read).batch(1_000_000)))
    images = tf.image.per_image_standardization(images[:, 4:28, 4:28])
    return tf.data.Dataset.from_tensor_slices((images, labels)).batch(500)


def make_weights():
    """Returns weights and biases by name, with the tutorial's initial values."""
    made = {}
    for name, (shape, stddev, bias) in SHAPES.items():
        made[f"{name}/weights"] = tf.Variable(tf.random.truncated_normal(shape, stddev=stddev))
        made[f"{name}/biases"] = tf.Variable(tf.fill(shape[-1:], bias))
    return made


def inference(weights, images):
    """Returns the logits, float32[B, 10]. The largest one is the predicted class; the loss applies the softmax."""
    values = tf.nn.relu(tf.nn.conv2d(images, weights["conv1/weights"], 1, "SAME") + weights["conv1/biases"])
    values = tf.nn.max_pool2d(values, ksize=3, strides=2, padding="SAME")  # [B, 24, 24, 64] -> [B, 12, 12, 64]
    values = tf.nn.local_response_normalization(values, 4, bias=1.0, alpha=0.001 / 9, beta=0.75)
    values = tf.nn.relu(tf.nn.conv2d(values, weights["conv2/weights"], 1, "SAME") + weights["conv2/biases"])
    values = tf.nn.local_response_normalization(values, 4, bias=1.0, alpha=0.001 / 9, beta=0.75)
    values = tf.nn.max_pool2d(values, ksize=3, strides=2, padding="SAME")
    values = tf.reshape(values, [-1, 6 * 6 * 64])  # [B, 6, 6, 64] -> [B, 2304]
    values = tf.nn.relu(tf.matmul(values, weights["local3/weights"]) + weights["local3/biases"])  # -> [B, 384]
    values = tf.nn.relu(tf.matmul(values, weights["local4/weights"]) + weights["local4/biases"])  # -> [B, 192]
    return tf.matmul(values, weights["softmax_linear/weights"]) + weights["softmax_linear/biases"]  # -> [B, 10]


def loss(weights, images, labels):
    """Returns the cross-entropy plus the weight decay of the two large layers."""
    cross_entropy = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, inference(weights, images))
    weight_decay = sum(tf.nn.l2_loss(weights[f"{name}/weights"]) for name in ("local3", "local4"))
    return tf.reduce_mean(cross_entropy) + 0.004 * weight_decay


@tf.function
def train_step(weights, averages, step, images, labels, decay_steps=136_718):
    """Takes one step of gradient descent, then moves each average a little toward its weight."""
    with tf.GradientTape() as tape:
        total = loss(weights, images, labels)
    gradients = tape.gradient(total, weights)
    learning_rate = 0.1 * 0.1 ** tf.cast(step // decay_steps, tf.float32)  # divided by 10 every 350 epochs
    updates = tf.cast(step.assign_add(1), tf.float32)
    decay = tf.minimum(0.9999, (1 + updates) / (10 + updates))  # small at first, to forget the random start
    for name, weight in weights.items():
        weight.assign_sub(learning_rate * gradients[name])
        averages[name].assign_sub((1 - decay) * (averages[name] - weight))
    return total


def evaluate(weights, files):
    """Returns precision @ 1: the fraction of images whose largest logit is that of the correct class."""
    right = [tf.argmax(inference(weights, images), 1, tf.int32) == labels for images, labels in inputs(files)]
    return tf.reduce_mean(tf.cast(tf.concat(right, 0), tf.float32))


def main(train_files, test_files, steps):
    """Trains and evaluates, and prints the same lines as the tutorial."""
    tf.random.set_seed(0)
    weights, step, start = make_weights(), tf.Variable(0, dtype=tf.int64), time.perf_counter()
    averages = {name: tf.Variable(weight) for name, weight in weights.items()}
    for number, (images, labels) in enumerate(distorted_inputs(train_files).take(steps)):
        total = train_step(weights, averages, step, images, labels)
        if number % 10 == 0:
            seconds, start = (time.perf_counter() - start) / (10 if number else 1), time.perf_counter()
            speed = f"({BATCH_SIZE / seconds:.1f} examples/sec; {seconds:.3f} sec/batch)"
            print(f"{datetime.datetime.now()}: step {number}, loss = {total:.2f} {speed}")
    print(f"{datetime.datetime.now()}: precision @ 1 = {evaluate(averages, test_files):.3f} (averaged weights)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=pathlib.Path, help="directory of CIFAR-10's data_batch_1.bin ... test_batch.bin")
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    if options.data is None:
        from cifarlab import load

        main(*([str(file) for file in load("drawn").files(split)] for split in ("train", "test")), options.steps)
    elif files := sorted(map(str, options.data.glob("data_batch_*.bin"))):
        main(files, [str(options.data / "test_batch.bin")], options.steps)
    else:
        parser.error(f"--data must be a directory with data_batch_1.bin to data_batch_5.bin; {options.data} has none")
