"""`inputs` and `distorted_inputs`: input pipelines from record files to batches, as `tf.data` datasets.

The order of the images and all random numbers depend only on (seed, step). An epoch is one pass over the files through
a shuffle queue that is seeded with (seed, epoch). A batch can span two epochs. Its distortions are seeded with
(seed, step). A run that resumes at any step therefore only has to skip records within one epoch.
"""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from cifarlab.backend import check_process_state, do_not_convert, tf
from cifarlab.data.dataset import DataSet, DataSetError, check_is_dataset
from cifarlab.data.distortions import TUTORIAL_DISTORTIONS, Distortion, central_crop, random_crop, standardize
from cifarlab.data.records import record_bytes
from cifarlab.data.writer import check_crop_size

READ_CHUNK = 250
"""The number of records counted at once. Counting them one by one would be ten times slower."""


class QueueCounter:
    """Counts the records that enter and leave the shuffle queue, because `tf.data` does not report its fill level.

    >>> QueueCounter().fill
    0
    """

    def __init__(self) -> None:
        """Creates counters that start at zero."""
        with tf.device("CPU:0"):  # tf.data runs on the CPU
            self._read = tf.Variable(0, trainable=False, dtype=tf.int64)
            self._delivered = tf.Variable(0, trainable=False, dtype=tf.int64)

    @do_not_convert
    def count_read(self, records: tf.Tensor) -> tf.Tensor:
        """Counts records, string[N], as read and returns them."""
        self._read.assign_add(tf.size(records, tf.int64))
        return records

    @do_not_convert
    def count_delivered(self, records: tf.Tensor) -> tf.Tensor:
        """Counts records, string[N], as delivered and returns them."""
        self._delivered.assign_add(tf.size(records, tf.int64))
        return records

    def count_skipped(self, records: int) -> None:
        """Counts records that are skipped when a run resumes within an epoch; they pass through the queue, too."""
        self._delivered.assign_add(records)

    @property
    def fill(self) -> int:
        """The number of records in the queue now."""
        return int(self._read) - int(self._delivered)


def queue_capacity(num_examples: int, batch_size: int, min_fraction_of_examples_in_queue: float = 0.4) -> int:
    """Returns the queue's size in records: the tutorial's minimum fraction of an epoch, plus three batches.

    >>> queue_capacity(50_000, 128)
    20384
    """
    return int(num_examples * min_fraction_of_examples_in_queue) + 3 * batch_size


def _check(dataset: DataSet, batch_size: int) -> None:
    check_process_state()
    check_is_dataset(dataset)
    if batch_size < 1:
        raise DataSetError(f"batch_size must be at least 1; got {batch_size}.")


def with_crops(dataset: DataSet, crop_size: int | None, padding: int) -> DataSet:
    """Returns the same dataset with another crop size, or with its own for None.

    Raises:
        DataSetError: the images are too small for crops of this size, or for this padding, see `random_crop`.
    """
    rows, columns, _ = dataset.image_shape
    if padding >= min(rows, columns):
        raise DataSetError(f"padding must be less than the image size, {rows} x {columns}; got {padding}.")
    if crop_size is None:
        return dataset
    return dataclasses.replace(dataset, crop_size=check_crop_size(crop_size, rows, columns))


def inputs(
    dataset: DataSet, split: str = "test", batch_size: int = 128, *, num_examples: int | None = None
) -> tf.data.Dataset:
    """Returns the images for evaluation: each exactly once, in file order, cropped centrally and standardized.

    Args:
        dataset: the dataset to read.
        split: "test", "train", or "validation" if the dataset has such images.
        batch_size: images per batch; the last batch may be smaller.
        num_examples: use only the first N images; by default all.

    Returns:
        a dataset of (float32[b, 24, 24, 3], int32[b]); 24 is `dataset.crop_size`.

    Raises:
        DataSetError: `dataset` is not a `DataSet`, or `batch_size` is less than 1.
    """
    _check(dataset, batch_size)

    @do_not_convert
    def prepare(records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = decode(records, dataset.image_shape)
        return standardize(central_crop(images, dataset.crop_size)), labels

    records = _read_records(dataset.files(split), dataset.image_shape)
    if num_examples is not None:
        records = records.take(num_examples)
    return _without_autotuning(records.batch(batch_size).map(prepare, tf.data.AUTOTUNE, deterministic=True).prefetch(2))


def distorted_inputs(
    dataset: DataSet,
    batch_size: int = 128,
    *,
    seed: int = 0,
    first_step: int = 0,
    min_fraction_of_examples_in_queue: float = 0.4,
    num_preprocess_threads: int = 16,
    distortions: Sequence[Distortion] = TUTORIAL_DISTORTIONS,
    padding: int = 0,
    counter: QueueCounter | None = None,
    shard: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Returns the images for training, endlessly: shuffled, cropped at random, distorted and standardized.

    Args:
        dataset: the dataset whose training images to read.
        batch_size: B, images per batch.
        seed: the run's seed.
        first_step: the step of the first batch.
        min_fraction_of_examples_in_queue: size of the shuffle queue as a fraction of an epoch (plus three batches).
        num_preprocess_threads: number of batches that are distorted in parallel.
        distortions: functions (images, seed) -> images, applied in this order between cropping and standardization.
        padding: the pixels by which each image is extended on all sides before it is cropped, see `random_crop`.
        counter: counts the records that enter and leave the shuffle queue.
        shard: (i, n) for the i-th of n equal shards of each batch; only that shard is decoded and distorted.

    Returns:
        a dataset of (float32[B / n, 24, 24, 3], int32[B / n]); 24 is `dataset.crop_size`.

    Raises:
        DataSetError: `dataset` is not a `DataSet`, or `batch_size` is less than 1.
    """
    _check(dataset, batch_size)
    counter = counter or QueueCounter()
    size = batch_size // shard[1]
    first = shard[0] * size

    def distort(step: tf.Tensor, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = decode(records[first : first + size], dataset.image_shape)
        # With the last two, a shard takes its part of the random numbers of the whole batch.
        batch_seed = tf.stack([seed, tf.cast(step, tf.int32), first, batch_size])
        images = random_crop(images, batch_seed, dataset.crop_size, padding)
        for distortion in distortions:
            images = distortion(images, batch_seed)
        return standardize(images), labels

    records = _shuffled_epochs(
        dataset,
        queue_capacity(dataset.num_examples("train"), batch_size, min_fraction_of_examples_in_queue),
        seed,
        first_record=first_step * batch_size,
        counter=counter,
    )
    # Counting is a separate `map`: in deterministic mode TensorFlow runs a `map` that changes variables serially,
    # which would slow down the distortions.
    batches = records.batch(batch_size, drop_remainder=True).map(counter.count_delivered).enumerate(first_step)
    return _without_autotuning(batches.map(distort, num_preprocess_threads, deterministic=True).prefetch(2))


@do_not_convert
def decode(records: tf.Tensor, image_shape: tuple[int, int, int] = (32, 32, 3)) -> tuple[tf.Tensor, tf.Tensor]:
    """Decodes a batch of records into images and labels.

    Args:
        records: string[B], one record each.
        image_shape: rows, columns and channels of an image.

    Returns:
        images: uint8[B, 32, 32, 3].
        labels: int32[B].

    >>> images, labels = decode(tf.constant([bytes([7]) + bytes(3072)]))
    >>> images.shape, labels.numpy().tolist()
    (TensorShape([1, 32, 32, 3]), [7])
    """
    height, width, channels = image_shape
    values = tf.reshape(tf.io.decode_raw(records, tf.uint8), [-1, record_bytes(image_shape)])
    planes = tf.reshape(values[:, 1:], [-1, channels, height, width])
    return tf.transpose(planes, [0, 2, 3, 1]), tf.cast(values[:, 0], tf.int32)


def _read_records(files: Sequence[Path], image_shape: tuple[int, int, int]) -> tf.data.Dataset:
    # Bytes, because file names need not be valid UTF-8.
    return tf.data.FixedLengthRecordDataset([os.fsencode(file) for file in files], record_bytes(image_shape))


def _without_autotuning(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Keeps TensorFlow from adjusting the number of threads, which is right from the start.

    The thread that adjusts it may sleep for up to a minute before it notices that its iterator was deleted, and the
    deletion waits for it (TensorFlow 2.21).
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)


def _shuffled_epochs(
    dataset: DataSet, capacity: int, seed: int, first_record: int, counter: QueueCounter
) -> tf.data.Dataset:
    """Returns endless records from the run's `first_record` on; each epoch is shuffled in its own order."""
    counted = _read_records(dataset.files("train"), dataset.image_shape).batch(READ_CHUNK).map(counter.count_read)
    records = counted.unbatch()

    @do_not_convert
    def epoch(number: tf.Tensor) -> tf.data.Dataset:
        # The order must depend on (seed, epoch) only. `shuffle` would also use the graph's seed, which is set by the
        # user's tf.random.set_seed.
        tf.compat.v1.get_default_graph().seed = None
        seed_and_epoch = tf.stack([seed, tf.cast(number, tf.int32)])
        epoch_seed = tf.random.stateless_uniform([], seed_and_epoch, 1, tf.int64.max, tf.int64)
        return records.shuffle(capacity, seed=epoch_seed, reshuffle_each_iteration=False)

    first_epoch, skip = divmod(first_record, dataset.num_examples("train"))
    counter.count_skipped(skip)
    return tf.data.Dataset.counter(first_epoch).flat_map(epoch).skip(skip)
