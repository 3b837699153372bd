import itertools
import time

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.data.dataset import DataSet, DataSetError
from cifarlab.data.distortions import central_crop, standardize
from cifarlab.data.pipeline import QueueCounter, decode, distorted_inputs, inputs, queue_capacity
from cifarlab.data.records import read_records, write_records

COUNT = 60


@pytest.fixture(scope="module")
def numbered(tmp_path_factory):
    """Returns a dataset of 60 records in two files; label and pixels of a record are its index."""
    folder = tmp_path_factory.mktemp("numbered")
    number = np.arange(COUNT)
    images = np.broadcast_to(number[:, None, None, None], [COUNT, 32, 32, 3]).astype(np.uint8).copy()
    images[:, ::2, :, 0] += 100  # stripes, so that standardization does not turn the image into zeros
    write_records(folder / "a.bin", images[:40], number[:40])
    write_records(folder / "b.bin", images[40:], number[40:])
    write_records(folder / "test.bin", images[:25], number[:25])
    classes = tuple(map(str, range(COUNT)))
    return DataSet("numbered", classes, (folder / "a.bin", folder / "b.bin"), (folder / "test.bin",))


def labels_of(batches, count):
    return np.concatenate([labels.numpy() for _, labels in itertools.islice(batches, count)])


def test_decode_equals_the_numpy_reader(drawn):
    images, labels = read_records(drawn.test_files[0])
    batch = next(iter(tf.data.FixedLengthRecordDataset(str(drawn.test_files[0]), 3073).batch(100)))
    decoded, decoded_labels = decode(batch)
    assert (decoded.numpy() == images[:100]).all()
    assert (decoded_labels.numpy() == labels[:100]).all()


def test_shapes_and_dtypes(drawn):
    for batches in (inputs(drawn, batch_size=50), distorted_inputs(drawn, 50)):
        images, labels = next(iter(batches))
        assert images.shape == (50, 24, 24, 3)
        assert images.dtype == tf.float32
        assert labels.shape == (50,)
        assert labels.dtype == tf.int32


@pytest.mark.parametrize("batch_size", [1, 7, 25, 100])
def test_evaluation_sees_every_image_exactly_once_and_in_order(numbered, batch_size):
    batches = list(inputs(numbered, "test", batch_size))
    assert np.concatenate([labels for _, labels in batches]).tolist() == list(range(25))
    sizes = [len(labels) for _, labels in batches]
    assert sizes == [batch_size] * (25 // batch_size) + ([25 % batch_size] if 25 % batch_size else [])


def test_evaluation_images_are_central_crops_standardized(drawn):
    images, _ = read_records(drawn.test_files[0])
    batch, _ = next(iter(inputs(drawn, batch_size=8)))
    np.testing.assert_allclose(batch.numpy(), standardize(central_crop(images[:8])).numpy(), atol=1e-6)


def test_evaluation_of_the_first_n_images(numbered):
    assert labels_of(inputs(numbered, "train", 7, num_examples=45), 100).tolist() == list(range(45))


def test_an_epoch_holds_every_record_once_and_batches_span_epochs(numbered):
    labels = labels_of(distorted_inputs(numbered, 25, seed=4), 12)  # 300 records, five epochs
    for epoch in labels.reshape(5, COUNT):
        assert sorted(epoch) == list(range(COUNT))
    assert len({tuple(epoch) for epoch in labels.reshape(5, COUNT)}) == 5


@pytest.mark.parametrize("step", [1, 7, *(pytest.param(step, marks=pytest.mark.full) for step in (2, 3, 11))])
def test_resuming_gives_the_batches_of_an_uninterrupted_run(drawn, step):
    kwargs = {"seed": 3, "min_fraction_of_examples_in_queue": 0.2}
    whole = list(itertools.islice(distorted_inputs(drawn, 900, **kwargs), 13))
    rest = list(itertools.islice(distorted_inputs(drawn, 900, first_step=step, **kwargs), 13 - step))
    for (images, labels), (again, labels_again) in zip(whole[step:], rest, strict=True):
        assert (labels.numpy() == labels_again.numpy()).all()
        assert (images.numpy() == again.numpy()).all()


def test_order_and_distortions_depend_only_on_the_seed(drawn):
    def batch(seed):
        return next(iter(distorted_inputs(drawn, 64, seed=seed)))

    images, labels = batch(1)
    tf.random.set_seed(5)  # what a user does at the top of a notebook
    images_again, labels_again = batch(1)
    other, other_labels = batch(2)
    tf.random.set_seed(None)
    assert (labels == labels_again).numpy().all()
    assert (images == images_again).numpy().all()
    assert not (labels == other_labels).numpy().all()
    assert not (images == other).numpy().all()


def test_the_number_of_parallel_calls_changes_no_image(drawn):
    one, many = (list(itertools.islice(distorted_inputs(drawn, 64, num_preprocess_threads=n), 5)) for n in (1, 16))
    for (images, _), (same, _) in zip(one, many, strict=True):
        assert (images == same).numpy().all()


def test_capacity_is_the_tutorials():
    assert queue_capacity(50_000, 128) == 20_384
    assert queue_capacity(10_000, 128, 0.001) == 394


def test_a_small_queue_mixes_less(numbered):
    """In a queue of a few batches, records move only a little; in a queue of a whole epoch, they move anywhere."""

    def mean_travel(fraction, batch_size):
        batches = distorted_inputs(numbered, batch_size, seed=1, min_fraction_of_examples_in_queue=fraction)
        order = labels_of(batches, COUNT // batch_size)
        return np.abs(order - np.arange(COUNT)).mean()

    assert mean_travel(0.01, 1) < 4 < 12 < mean_travel(1.0, 1)


def test_the_queue_is_full_before_the_first_batch_and_stays_so(drawn):
    counter = QueueCounter()
    batches = iter(distorted_inputs(drawn, 10, num_preprocess_threads=1, counter=counter))
    next(batches)
    capacity = queue_capacity(10_000, 10)
    assert capacity - 10 <= counter.fill <= capacity + 250


def test_the_queue_counts_what_is_read_minus_what_is_delivered(numbered):
    counter = QueueCounter()
    dataset = distorted_inputs(numbered, 20, min_fraction_of_examples_in_queue=1.0, counter=counter)
    assert counter.fill == 0
    next(iter(dataset))
    assert 0 <= counter.fill <= COUNT  # at most one epoch is in the queue


def test_a_resumed_run_counts_its_queue_correctly(drawn):
    counter = QueueCounter()
    next(iter(distorted_inputs(drawn, 100, first_step=70, num_preprocess_threads=1, counter=counter)))
    assert 2_000 < counter.fill <= 3_000  # 7,000 of 10,000 are skipped, so fewer than the queue's 4,300 are left


def test_custom_distortions_are_applied(numbered):
    def upside_down(images, seed):
        return images[:, ::-1]

    plain, _ = next(iter(distorted_inputs(numbered, 8, distortions=())))
    turned, _ = next(iter(distorted_inputs(numbered, 8, distortions=(upside_down,))))
    np.testing.assert_allclose(turned.numpy()[:, ::-1], plain.numpy(), atol=1e-5)


def test_a_wrong_dataset_or_batch_size_is_refused(numbered):
    for make in (inputs, distorted_inputs):
        with pytest.raises(DataSetError, match=r'such as cifarlab.load\("drawn"\) returns; got \'drawn\''):
            make("drawn")
    with pytest.raises(DataSetError, match="batch_size must be at least 1; got 0"):
        inputs(numbered, batch_size=0)


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.parametrize("pipeline", [inputs, distorted_inputs])
def test_an_iterator_that_was_used_for_a_while_is_deleted_at_once(numbered, pipeline):
    """With autotuning, deleting one in five to fifty of them takes 10 to 60 s."""
    iterators = [iter(pipeline(numbered, batch_size=5)) for _ in range(40)]
    for iterator in iterators:
        next(iterator)
    time.sleep(11)
    started = time.monotonic()
    del iterator
    iterators.clear()
    assert time.monotonic() - started < 5
