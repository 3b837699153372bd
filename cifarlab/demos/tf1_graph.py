"""For lesson 2: the tutorial's training graph, rebuilt with the TensorFlow 1 API to count its operations.

In TensorFlow 1 everything was in one graph: reading files, distortions, shuffling, variables and their initial values,
summaries, saving. Its API is still available as `tf.compat.v1`, so the graph can be built today; it is never run.
"""

import contextlib
from collections.abc import Iterator

from cifarlab.backend import tf
from cifarlab.model.ops import normalization

_v1 = tf.compat.v1

BATCH, QUEUE = 128, 20_000
"""Images per batch, and images in the queue before the first batch."""


class _Parts(dict[str, int]):
    """The number of operations in each part of a graph."""

    def __init__(self, graph: tf.Graph) -> None:
        super().__init__()
        self._graph = graph

    @contextlib.contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Counts the operations that are added to the graph in this block."""
        before = len(self._graph.get_operations())
        yield
        self[name] = self.get(name, 0) + len(self._graph.get_operations()) - before


def operations_by_part() -> dict[str, int]:
    """Returns the number of operations in each part of the tutorial's training graph, as built by this TensorFlow.

    The tutorial says "roughly 765" in total, with the TensorFlow version of its time.

    >>> counted = operations_by_part()
    >>> 700 < sum(counted.values()) < 800
    True
    """
    with tf.Graph().as_default() as graph, _v1.variable_scope("", use_resource=False):
        count = _Parts(graph)
        with count.of("variables and initial values"):
            step = _v1.train.get_or_create_global_step()
        with count.of("reading, distorting, shuffling"):
            images, labels = _inputs()
        with count.of("summaries"):
            _v1.summary.image("images", images)
        logits, decays = _inference(count, images)
        with count.of("loss"):
            each = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int64), logits)
            losses = [*decays, tf.reduce_mean(each, name="cross_entropy")]
            losses.append(tf.add_n(losses, name="total_loss"))
        _training(count, step, losses)
        with count.of("saving and restoring"):
            _v1.train.Saver(_v1.global_variables())
    return dict(count)


def _inputs() -> tuple[tf.Tensor, tf.Tensor]:
    files = _v1.train.string_input_producer([f"data_batch_{number}.bin" for number in range(1, 6)])
    _, record = _v1.FixedLengthRecordReader(3073).read(files)
    values = tf.io.decode_raw(record, tf.uint8)
    label = tf.cast(tf.strided_slice(values, [0], [1]), tf.int32)
    planes = tf.reshape(tf.strided_slice(values, [1], [3073]), [3, 32, 32])
    image = tf.image.random_crop(tf.cast(tf.transpose(planes, [1, 2, 0]), tf.float32), [24, 24, 3])
    image = tf.image.random_brightness(tf.image.random_flip_left_right(image), 63)
    image = tf.image.per_image_standardization(tf.image.random_contrast(image, 0.2, 1.8))
    image.set_shape([24, 24, 3])
    label.set_shape([1])
    queue = {"capacity": QUEUE + 3 * BATCH, "min_after_dequeue": QUEUE, "num_threads": 16}
    images, labels = _v1.train.shuffle_batch([image, label], BATCH, **queue)
    return images, tf.reshape(labels, [BATCH])


def _inference(count: _Parts, images: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns the logits, and the weight decay of the two layers that have one."""
    decays = []

    def layer(name: str, values: tf.Tensor, shape: list[int], stddev: float, bias: float, decay: float) -> tf.Tensor:
        with count.of("variables and initial values"), _v1.variable_scope(name):
            weights = _v1.get_variable("weights", shape, initializer=_v1.truncated_normal_initializer(stddev=stddev))
            biases = _v1.get_variable("biases", shape[-1:], initializer=_v1.constant_initializer(bias))
        with count.of("loss"):
            decays.extend([tf.multiply(tf.nn.l2_loss(weights), decay, f"{name}/weight_loss")] if decay else [])
        with count.of("inference"):
            convolve = len(shape) == 4
            summed = tf.nn.conv2d(values, weights, 1, "SAME") if convolve else tf.matmul(values, weights)
            summed = tf.nn.bias_add(summed, biases)
            result = summed if name == "softmax_linear" else tf.nn.relu(summed)
        with count.of("summaries"):
            _v1.summary.histogram(f"{name}/activations", result)
            _v1.summary.scalar(f"{name}/sparsity", tf.nn.zero_fraction(result))
        return result

    pooled = layer("conv1", images, [5, 5, 3, 64], 0.05, 0.0, 0.0)
    with count.of("inference"):
        normalized = normalization.reference(tf.nn.max_pool2d(pooled, 3, 2, "SAME"))
    values = layer("conv2", normalized, [5, 5, 64, 64], 0.05, 0.1, 0.0)
    with count.of("inference"):
        values = tf.reshape(tf.nn.max_pool2d(normalization.reference(values), 3, 2, "SAME"), [BATCH, -1])
    values = layer("local3", values, [2304, 384], 0.04, 0.1, 0.004)
    values = layer("local4", values, [384, 192], 0.04, 0.1, 0.004)
    return layer("softmax_linear", values, [192, 10], 1 / 192, 0.0, 0.0), decays


def _training(count: _Parts, step: tf.Variable, losses: list[tf.Tensor]) -> None:
    """Adds the averages, the gradients, the update and their summaries."""
    variables = _v1.trainable_variables()
    with count.of("learning rate"):
        rate = _v1.train.exponential_decay(0.1, step, 136_718, 0.1, staircase=True)
    averages = _v1.train.ExponentialMovingAverage(0.9, name="avg")
    with count.of("averages of the losses"):
        averages_moved = averages.apply(losses)
    with count.of("gradients"), tf.control_dependencies([averages_moved]):
        optimizer = _v1.train.GradientDescentOptimizer(rate)
        gradients = optimizer.compute_gradients(losses[-1], variables)
    with count.of("update"):
        updated = optimizer.apply_gradients(gradients, global_step=step)
    with count.of("averages of the weights"):
        weights_moved = _v1.train.ExponentialMovingAverage(0.9999, step).apply(variables)
        with tf.control_dependencies([updated, weights_moved]):
            tf.no_op(name="train")
    with count.of("summaries"):
        _v1.summary.scalar("learning_rate", rate)
        for loss in losses:
            _v1.summary.scalar(f"{loss.op.name} (raw)", loss)
            _v1.summary.scalar(loss.op.name, averages.average(loss))
        for gradient, variable in gradients:
            _v1.summary.histogram(variable.op.name, variable)
            _v1.summary.histogram(f"{variable.op.name}/gradients", gradient)
        _v1.summary.merge_all()
