"""TensorFlow datasets are read once, in any usual form of their elements; endless and overlapping ones are refused."""

import shutil

import numpy as np
import pytest

from cifarlab.backend import tf
from cifarlab.data import tf_datasets
from cifarlab.data.custom import from_tf_dataset
from cifarlab.data.dataset import DataSetError
from cifarlab.data.records import read_records

Dataset = tf.data.Dataset
COLOR = np.random.default_rng(0).integers(0, 256, [10, 8, 9, 3], np.uint8)
GRAY = COLOR[..., :1]
LABELS = np.arange(10) % 2


def slices(images=COLOR, labels=LABELS):
    return Dataset.from_tensor_slices((images, labels))


def unknown_shapes(dataset, images=None, labels=None):
    """Hides the shapes of the elements, as `tf.py_function` does."""
    types = [spec.dtype for spec in dataset.element_spec]

    def hidden(image, label):
        image, label = tf.py_function(lambda *both: both, [image, label], types)
        image.set_shape(images)
        label.set_shape(labels)
        return image, label

    return dataset.map(hidden)


FORMS = {
    "images": lambda: (slices(), COLOR),
    "batches": lambda: (slices().batch(4), COLOR),
    "batches of one": lambda: (slices().batch(1), COLOR),
    "equal batches": lambda: (slices().batch(5, drop_remainder=True), COLOR),
    "dictionaries": lambda: (Dataset.from_tensor_slices({"image": COLOR, "label": LABELS, "id": LABELS}), COLOR),
    "dictionaries of batches": lambda: (
        Dataset.from_tensor_slices({"images": COLOR, "labels": LABELS}).batch(3),
        COLOR,
    ),
    "grayscale": lambda: (slices(GRAY), GRAY),
    "grayscale without channels": lambda: (slices(GRAY[..., 0]), GRAY),
    "batches without channels": lambda: (slices(GRAY[..., 0]).batch(4), GRAY),
    "equal batches without channels": lambda: (slices(GRAY[..., 0]).batch(5, drop_remainder=True), GRAY),
    "channels first": lambda: (slices(COLOR.transpose(0, 3, 1, 2)), COLOR),
    "batches of channels first": lambda: (slices(COLOR.transpose(0, 3, 1, 2)).batch(4), COLOR),
    "rows": lambda: (slices(COLOR[:, :, :8, 0].reshape(10, 64)), COLOR[:, :, :8, :1]),
    "batches of rows": lambda: (slices(COLOR[:, :, :8, 0].reshape(10, 64)).batch(4), COLOR[:, :, :8, :1]),
    "0 to 1": lambda: (slices((COLOR / 255).astype(np.float32)).batch(3), COLOR),
    "-1 to 1": lambda: (slices((COLOR / 127.5 - 1).astype(np.float32)), COLOR),
    "16 bits": lambda: (slices(COLOR.astype(np.uint16) * 257), COLOR),
    "one-hot": lambda: (slices(labels=np.eye(2)[LABELS]), COLOR),
    "batches of one-hot": lambda: (slices(labels=np.eye(2)[LABELS]).batch(4), COLOR),
    "one-hot without channels": lambda: (slices(GRAY[..., 0], np.eye(2)[LABELS]), GRAY),
    "[N, 1]": lambda: (slices(labels=LABELS[:, None]), COLOR),
    "batches of [N, 1]": lambda: (slices(labels=LABELS[:, None]).batch(4), COLOR),
    "float labels": lambda: (slices(labels=LABELS.astype(np.float32)), COLOR),
    "text labels": lambda: (slices(labels=LABELS.astype(str)).batch(4), COLOR),
    "unknown shapes": lambda: (unknown_shapes(slices()), COLOR),
    "unknown shapes of batches": lambda: (unknown_shapes(slices().batch(3)), COLOR),
    "unknown sizes": lambda: (unknown_shapes(slices(), [None, None, 3], []), COLOR),
    "unknown sizes of batches": lambda: (unknown_shapes(slices().batch(3), [None, None, None, 3], [None]), COLOR),
    "unknown sizes, one-hot": lambda: (unknown_shapes(slices(labels=np.eye(2)[LABELS]), [None, None, 3], [2]), COLOR),
    "zipped": lambda: (Dataset.zip((Dataset.from_tensor_slices(COLOR), Dataset.from_tensor_slices(LABELS))), COLOR),
    "repeated twice": lambda: (slices(COLOR[:5], LABELS[:5]).repeat(2), np.concatenate([COLOR[:5]] * 2)),
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_elements(tmp_path, form):
    dataset, expected = FORMS[form]()
    made = from_tf_dataset(dataset, dataset.take(1), tmp_path / "a")
    images, labels = read_records(made.train_files[0], expected.shape[1:])
    assert images.tolist() == expected.tolist()
    assert labels.tolist() == np.tile(LABELS[: len(set(map(bytes, expected)))], 2)[:10].tolist()
    assert made.classes == ("0", "1")
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["dataset.json", "test.bin", "train.bin"]


def test_labels_with_gaps_get_numbers_from_0_on(tmp_path):
    made = from_tf_dataset(slices(labels=LABELS * 5 + 4), slices(labels=LABELS[::-1] * 5 + 4), tmp_path / "a")
    assert made.classes == ("4", "9")
    assert read_records(made.train_files[0], (8, 9, 3))[1].tolist() == LABELS.tolist()
    assert read_records(made.test_files[0], (8, 9, 3))[1].tolist() == LABELS[::-1].tolist()
    assert from_tf_dataset(slices(), slices(), tmp_path / "b", classes={1: "dog", 0: "cat"}).classes == ("cat", "dog")


def endless():
    while True:
        yield COLOR[0], 0


def generator(source):
    signature = (tf.TensorSpec([8, 9, 3], tf.uint8), tf.TensorSpec([], tf.int32))
    return Dataset.from_generator(source, output_signature=signature)


def fail_if_read(image, label):
    raise AssertionError("the dataset was read")


def unread(dataset):
    return dataset.map(lambda image, label: tf.py_function(fail_if_read, [image, label], [tf.uint8, tf.int64]))


@pytest.mark.parametrize(
    "dataset",
    [
        slices().repeat(),
        slices().repeat().batch(4),
        slices().shuffle(10).repeat(-1).prefetch(1),
        slices().repeat().filter(lambda image, label: label == 0),  # its cardinality is unknown
        slices().batch(2).repeat().unbatch(),
        slices().concatenate(slices().repeat()),
    ],
)
@pytest.mark.parametrize("part", ["train", "test"])
def test_endless_datasets_are_refused_before_anything_is_read(tmp_path, dataset, part):
    """As in mlpen/Nystromformer#17."""
    both = (dataset, unread(slices())) if part == "train" else (unread(slices()), dataset)
    with pytest.raises(
        DataSetError, match=rf"{part} must end; it repeats without end. Remove .repeat\(\), or add .take"
    ):
        from_tf_dataset(*both, tmp_path / "a")


@pytest.mark.parametrize(
    "dataset",
    [
        slices().repeat().take(10),
        slices().repeat().filter(lambda image, label: True).take(10),
        generator(lambda: zip(COLOR, LABELS, strict=True)),
        Dataset.zip((slices().repeat(), Dataset.range(10))).map(lambda pair, _: pair),
    ],
)
def test_datasets_that_end_are_read(tmp_path, dataset):
    assert from_tf_dataset(dataset, slices(), tmp_path / "a").num_examples("train") == 10


def test_a_generator_that_never_ends_is_stopped_before_the_disk_is_full(tmp_path, monkeypatch):
    usage, counts = shutil.disk_usage(tmp_path), []
    monkeypatch.setattr(
        tf_datasets.shutil, "disk_usage", lambda path: usage._replace(free=700_000 - 216 * sum(counts[-1:]))
    )
    monkeypatch.setattr(tf_datasets, "_FREE_BYTES", 0)
    monkeypatch.setattr(tf_datasets, "_PROGRESS_INTERVAL_S", 0)
    with pytest.raises(DataSetError, match=r"train must fit on the disk; after 1,500 images, .* free.*\.take\(n\)"):
        from_tf_dataset(generator(endless), slices(), tmp_path / "a", progress=lambda count, _: counts.append(count))
    assert counts == [500, 1000, 1500]
    assert not list((tmp_path / "a").iterdir())


def test_progress_counts_the_images_of_both_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(tf_datasets, "_CHUNK_SIZE", 4)
    monkeypatch.setattr(tf_datasets, "_PROGRESS_INTERVAL_S", 0)
    calls = []
    from_tf_dataset(slices(), slices().batch(3), tmp_path / "a", progress=lambda *call: calls.append(call))
    assert calls == [(count, None) for count in (4, 8, 10, 10, 16, 20)] + [(20, 20)]
    calls.clear()
    from_tf_dataset(slices(), slices().take(2), tmp_path / "a", progress=lambda *call: calls.append(call))
    assert calls == [(count, 12) for count in (4, 8, 10, 10, 12, 12)]


cached = slices().shuffle(10, seed=1).cache()
shuffled, fixed = slices().shuffle(10, seed=1), slices().shuffle(10, seed=1, reshuffle_each_iteration=False)


@pytest.mark.parametrize(
    ("train", "test", "refused"),
    [
        (shuffled.take(7), shuffled.skip(7), True),  # tensorflow/tensorflow#59279
        (shuffled.skip(3), shuffled.take(3), True),
        (shuffled.take(7).batch(2), shuffled.skip(7).map(lambda image, label: (image, label)).prefetch(1), True),
        (shuffled.batch(2).take(3), shuffled.batch(2).skip(3), True),
        (shuffled.shard(2, 0), shuffled.shard(2, 1), True),
        (shuffled, shuffled.take(3), True),
        (fixed.take(7), fixed.skip(7), False),
        (cached.skip(3), cached.take(3), False),  # read completely by the first
        (slices().take(7).shuffle(7), slices().skip(7), False),
        (shuffled.filter(lambda image, label: True), shuffled.filter(lambda image, label: label == 0), False),
    ],
)
def test_parts_of_a_dataset_that_is_shuffled_again_are_refused(tmp_path, train, test, refused):
    if refused:
        with pytest.raises(DataSetError, match="Pass reshuffle_each_iteration=False to shuffle, or split before"):
            from_tf_dataset(train, test, tmp_path / "a")
    else:
        made = from_tf_dataset(train, test, tmp_path / "a")
        read = [read_records(made.files(part)[0], (8, 9, 3))[0] for part in ("train", "test")]
        parts = [set(map(bytes, images)) for images in read]
        assert len(parts[0] | parts[1]) == 10
        assert len(parts[0] & parts[1]) == (5 if len(parts[0]) == 10 else 0)


RAGGED = tf.ragged.stack([COLOR[0], COLOR[1, 1:]])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ((COLOR, LABELS), "must be a tf.data.Dataset of .*; got tuple. For arrays, use from_arrays"),
        (COLOR, "got ndarray. For arrays, use from_arrays"),
        (iter([(COLOR, LABELS)]), "got list_iterator"),
        ({"train": slices()}, "got dict"),
        (Dataset.from_tensor_slices(COLOR), "it has other elements, without labels"),
        (Dataset.from_tensor_slices((COLOR,)), "it has 1 value"),
        (slices().map(lambda image, label: (image, label, 1.0)), r"3 values. Weights are not used.*\*others: \(image,"),
        (
            Dataset.from_tensor_slices({"x": COLOR, "y": LABELS}),
            'a dictionary of x, y. Convert it: .*element\\["..."\\]',
        ),
        (slices().map(lambda image, label: ({"a": image}, label)), "arrays of one size; got dict"),
        (Dataset.from_tensor_slices((RAGGED, [0, 1])), r"got RaggedTensorSpec. Resize them first: dataset\.map"),
        (slices(np.array(["a.png"] * 10)), r"got text. Read them first: .*tf\.io\.decode_image"),
        (
            slices().batch(2).batch(2),
            r"or batches of them; got \(None, None, 8, 9, 3\). Call batch",
        ),
        (
            Dataset.from_tensor_slices(([b"\xff\xd8\xff torn"] * 10, LABELS)).map(
                lambda content, label: (tf.reshape(tf.io.decode_jpeg(content), [8, 9, 3]), label)
            ),
            r"it fails among the images 0 to 499: .*JPEG.*dataset\.ignore_errors\(\)",
        ),
        (slices(COLOR[:0], LABELS[:0]), "expected at least one train image; got none"),
        (slices(labels=LABELS * np.nan), r"train labels must be known for each image; image 0 has nan \(10 such"),
        (slices(labels=np.full([10, 2], 0.5)), "train labels must be .*single 1; row 0"),
        (slices(labels=LABELS * 0), "2 to 256 classes"),
        (slices(COLOR[:, :3, :3]), "does not show which axes are rows"),
        (slices((COLOR > 128).astype(np.uint8)), r"value_range=\(0, 1\)"),
        (slices(np.where(COLOR > 254, np.nan, 0.5)), "train images must not contain NaN"),
        (slices(COLOR * 0.0), "only zeros in the first 10 images"),
        (slices(COLOR / 63.75 - 2), "undo a standardization"),
    ],
)
def test_other_elements_are_refused_in_one_line(tmp_path, dataset, message):
    with pytest.raises(DataSetError, match=message) as error:
        from_tf_dataset(dataset, slices(), tmp_path / "a")
    assert "\n" not in str(error.value)


def test_images_of_several_sizes_are_refused_with_both(tmp_path):
    def pictures():
        yield COLOR[0], 0
        yield COLOR[1, 1:], 1

    signature = (tf.TensorSpec([None, None, 3], tf.uint8), tf.TensorSpec([], tf.int32))
    wrong = Dataset.from_generator(pictures, output_signature=signature)
    with pytest.raises(DataSetError, match=r"got \[8, 9, 3\] and \[7, 9, 3\]. Resize them first"):
        from_tf_dataset(wrong, wrong, tmp_path / "a")
    with pytest.raises(DataSetError, match=r"got \(8, 9, 3\) and \(8, 9, 1\). Resize"):
        from_tf_dataset(slices(), slices(GRAY), tmp_path / "a")


LIGHT = (COLOR / 255).astype(np.float32)


@pytest.mark.parametrize(
    ("parts", "settings", "message"),
    [
        (
            (LIGHT, LIGHT * 255),
            {},
            "train images from image 10 on must have values from 0 to 1; got float32 from 0 to 2",
        ),
        ((LIGHT * 255, LIGHT), {"test": True}, "in one range; test images are float32 from 0"),
        ((LIGHT, LIGHT * 255), {"test": True}, "test images from image 0 on must have values from 0 to 1"),
        ((LIGHT, LIGHT * 2 - 1), {}, "must have values from 0 to 1; got float32 from -"),
    ],
)
def test_later_images_in_another_range_are_refused(tmp_path, monkeypatch, parts, settings, message):
    monkeypatch.setattr(tf_datasets, "_CHUNK_SIZE", 10)
    train, test = (slices(part) for part in parts)
    train = train if settings else train.concatenate(test)
    with pytest.raises(DataSetError, match=message):
        from_tf_dataset(train, test, tmp_path / "a")


def test_dark_images_after_the_first_are_read_with_the_same_range(tmp_path, monkeypatch):
    monkeypatch.setattr(tf_datasets, "_CHUNK_SIZE", 10)
    train = slices(np.uint16(COLOR) * 257).concatenate(slices(np.uint16(COLOR) * 10))
    made = from_tf_dataset(train, slices(np.uint16(COLOR) * 10), tmp_path / "a")
    images, _ = read_records(made.train_files[0], (8, 9, 3))
    assert (images == np.concatenate([COLOR, np.round(COLOR / 25.7)])).all()


def test_stated_axes_and_ranges_decide(tmp_path):
    tiny = COLOR[:, :3, :3]
    both = [slices(tiny / 255 * 16)] * 2
    made = from_tf_dataset(*both, tmp_path / "a", axes="NCHW", value_range=(0, 16))
    assert (read_records(made.train_files[0], (3, 3, 3))[0] == tiny.transpose(0, 2, 3, 1)).all()


@pytest.mark.fault(promise="archives and files", injection="custom directories and arrays with a wrong layout")
def test_a_refused_dataset_keeps_the_old_one(tmp_path):
    old = from_tf_dataset(slices(), slices(), tmp_path / "a").train_files[0].read_bytes()
    with pytest.raises(DataSetError):
        from_tf_dataset(slices(), slices(labels=LABELS + 1), tmp_path / "a")
    assert (tmp_path / "a" / "train.bin").read_bytes() == old
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["dataset.json", "test.bin", "train.bin"]


def failing(count):
    """Returns a dataset whose generator raises an error after a number of images."""

    def images():
        for number in range(count):
            yield COLOR[number], LABELS[number]
        raise ValueError("no such\nfile 5.png")

    specs = (tf.TensorSpec([8, 9, 3], tf.uint8), tf.TensorSpec([], tf.int64))
    return Dataset.from_generator(images, output_signature=specs)


@pytest.mark.parametrize(
    ("dataset", "where"),
    [
        (failing(0), "among the images 0 to 499"),
        (failing(5), "among the images 0 to 499"),
        (failing(5).batch(2), "after 4 images"),
        (failing(3).batch(2), "after 2 images"),
        (failing(1).batch(1), "after 1 image"),
        (unknown_shapes(failing(5)), "after 5 images"),
    ],
)
def test_a_generator_that_fails_is_one_line_with_its_own_error(tmp_path, dataset, where):
    """Without the traceback, and without the advice to ignore errors, which would end a generator early."""
    with pytest.raises(DataSetError) as error:
        from_tf_dataset(dataset, slices(), tmp_path / "a")
    said = f"train must be readable; it fails {where}: ValueError: no such file 5.png. Correct the Python code"
    assert str(error.value) == f"{said} that reads it."


def test_a_function_that_fails_is_one_line_too(tmp_path):
    def broken(image, label):
        return tf.py_function(lambda *both: 1 / 0, [image, label], [tf.uint8, tf.int64])

    with pytest.raises(DataSetError, match=r"after 0 images: ZeroDivisionError: division by zero\. Correct the Python"):
        from_tf_dataset(slices().map(broken), slices(), tmp_path / "a")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "test must be a tf.data.Dataset of .image, label.; got NoneType"),
        ({"test": None, "output_dir": "a"}, "test must be a tf.data.Dataset of .image, label.; got NoneType"),
        ({"test": "a"}, "test must be a tf.data.Dataset of .image, label.; got str"),
        ({"test": slices()}, "output_dir must be the path of a directory; got None"),
        ({"test": slices(), "output_dir": None}, "output_dir must be the path of a directory; got None"),
        ({"test": slices(), "output_dir": 3}, "output_dir must be the path of a directory; got 3"),
        ({"test": slices(), "output_dir": ""}, "output_dir must be the path of a directory; got an empty one"),
    ],
)
def test_missing_arguments_are_one_line(tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataSetError, match=message):
        from_tf_dataset(slices(), **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "is_sorted"),
    [
        (np.repeat([0, 1, 2], 40), True),
        (np.repeat([2, 0, 1], [90, 20, 10]), True),
        (np.repeat([0, 1], 5), True),
        (np.concatenate([np.repeat([0, 1], 100), [0, 1, 0]]), True),  # a shuffle of few images
        (np.arange(120) % 3, False),
        (np.repeat(np.arange(60) % 3, 2), False),
        (np.array([0, 1]), False),
        (np.array([0, 0, 1, 1]), False),
    ],
)
def test_a_training_dataset_that_is_sorted_by_class_is_shuffled(tmp_path, labels, is_sorted):
    """The shuffle queue holds a part of an epoch, so that batches would be of one class."""
    assert tf_datasets.is_sorted_by_class(labels) == is_sorted
    images = np.zeros([len(labels), 6, 6, 3], np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1], images[0, 0, 0, 2] = np.arange(len(labels)), labels, 255
    test = Dataset.from_tensor_slices((images[::-1], labels[::-1]))
    dataset = from_tf_dataset(Dataset.from_tensor_slices((images, labels)), test, tmp_path / "a")
    pixels, found = read_records(dataset.train_files[0], (6, 6, 3))
    assert found.tolist() == pixels[:, 0, 0, 1].tolist()
    assert sorted(pixels[:, 0, 0, 0]) == list(range(len(labels)))
    assert (pixels[:, 0, 0, 0].tolist() == list(range(len(labels)))) == (not is_sorted)
    assert not (is_sorted and tf_datasets.is_sorted_by_class(found))
    line = "The training images were sorted by class; they are written in random order."
    assert (line in dataset.summary.splitlines()) == is_sorted
    assert read_records(dataset.test_files[0], (6, 6, 3))[0][:, 0, 0, 0].tolist() == list(range(len(labels)))[::-1]
