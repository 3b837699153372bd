"""Custom datasets from a directory, arrays or a TensorFlow dataset can be trained on and evaluated like any other."""

import numpy as np
import pytest
from PIL import Image

from cifarlab.backend import tf
from cifarlab.config import ConfigError, EvalConfig, TrainConfig
from cifarlab.data import registry
from cifarlab.data.custom import from_arrays, from_folder, from_tf_dataset
from cifarlab.data.dataset import DataSetError
from cifarlab.data.image_files import ImageFileError
from cifarlab.data.records import read_records
from cifarlab.evaluation.classifier import classify, load_classifier
from cifarlab.evaluation.evaluator import evaluate
from cifarlab.training.loop import train

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
COUNTS = {"red": 10, "green": 5, "blue": 2}


def paint(folder, counts):
    """Writes uniform images, one color per class, in several sizes and formats."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.new("RGB", (40 + i, 50), COLORS[name]).save(folder / name / f"{i}.{('png', 'bmp')[i % 2]}")
    return folder


def colors(dataset, split):
    """Returns the color at the center of each image, and the color of its class."""
    images, labels = read_records(dataset.files(split)[0], dataset.image_shape)
    return images[:, 16, 16].tolist(), [list(COLORS[dataset.classes[label]]) for label in labels]


def test_a_directory_of_images_per_class(tmp_path):
    home = paint(tmp_path / "pictures", COUNTS)
    (home / "red" / "notes.txt").write_text("not an image")
    (home / ".hidden").mkdir()
    dataset = from_folder(home, tmp_path / "colors")
    assert (dataset.name, dataset.classes) == ("colors", ("blue", "green", "red"))
    assert (dataset.image_shape, dataset.crop_size) == ((32, 32, 3), 24)
    assert dataset.class_counts("train").tolist() == [1, 4, 8]
    assert dataset.class_counts("test").tolist() == [1, 1, 2]
    for split in ("train", "test"):
        seen, expected = colors(dataset, split)
        assert seen == expected
    assert dataset.majority_class() == ("red", 0.5)


def test_classes_are_mixed_in_the_files_depending_on_the_seed(tmp_path):
    home = paint(tmp_path / "pictures", {"red": 40, "green": 40})
    labels = [read_records(from_folder(home, tmp_path / "a", seed=s).train_files[0])[1].tolist() for s in (0, 0, 1)]
    assert labels[0] == labels[1] != labels[2]
    assert 10 < sum(a != b for a, b in zip(labels[0], labels[0][1:], strict=False)) < 54  # 1 if sorted by class


def test_an_existing_split_is_kept(tmp_path):
    for part, counts in (("train", {"red": 3, "blue": 2}), ("test", {"red": 1, "blue": 4})):
        paint(tmp_path / "pictures" / part, counts)
    dataset = from_folder(tmp_path / "pictures", tmp_path / "a", size=48, crop_size=40)
    assert dataset.class_counts("train").tolist() == [2, 3]
    assert dataset.class_counts("test").tolist() == [4, 1]
    assert (dataset.image_shape, dataset.crop_size) == ((48, 48, 3), 40)


@pytest.mark.fault(promise="archives and files", injection="custom directories and arrays with a wrong layout")
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda home: [f.unlink() for f in (home / "red").iterdir()], "red must contain images of the class red"),
        (lambda home: (home / "blue" / "1.bmp").unlink(), "at least 2 images, .*; blue has 1"),
        (lambda home: (home / "red" / "0.png").write_bytes(b"torn"), r"1 of 17 files cannot be read: .*red/0\.png"),
    ],
)
def test_errors_are_one_line_and_keep_the_old_dataset(tmp_path, spoil, message):
    home = paint(tmp_path / "pictures", COUNTS)
    dataset = from_folder(home, tmp_path / "a")
    before = dataset.train_files[0].read_bytes()
    spoil(home)
    with pytest.raises((DataSetError, ImageFileError), match=message) as error:
        from_folder(home, tmp_path / "a", test_fraction=0.2)
    assert "\n" not in str(error.value)
    assert dataset.train_files[0].read_bytes() == before
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == ["dataset.json", "test.bin", "train.bin"]


@pytest.mark.fault(promise="archives and files", injection="custom directories and arrays with a wrong layout")
@pytest.mark.parametrize(
    ("place", "message"),
    [("nowhere", "not a directory"), ("pictures/red", "it has 0"), ("pictures/red/0.png", "not a directory")],
)
def test_a_directory_without_classes_is_refused(tmp_path, place, message):
    paint(tmp_path / "pictures", COUNTS)
    with pytest.raises(DataSetError, match=message):
        from_folder(tmp_path / place, tmp_path / "a")


def test_arrays(tmp_path):
    images = np.arange(40, dtype=np.uint8)[:, None, None, None] + np.zeros([40, 28, 28, 3], np.uint8)
    labels = np.arange(40) % 4
    dataset = from_arrays(images, labels[:, None], tmp_path / "a", classes=np.array([*"abcd"]), test_fraction=0.25)
    assert (dataset.classes, dataset.image_shape, dataset.crop_size) == (tuple("abcd"), (28, 28, 3), 21)
    parts = [read_records(dataset.files(split)[0], (28, 28, 3)) for split in ("train", "test")]
    assert min(min(np.bincount(found, minlength=4)) for _, found in parts) >= 1
    values = np.concatenate([pixels[:, 0, 0, 0] for pixels, _ in parts])
    assert sorted(values) == list(range(40))  # each exactly once
    assert (np.concatenate([found for _, found in parts]) == values % 4).all()


def test_grayscale_float_arrays_with_a_test_split(tmp_path):
    images = np.full([6, 20, 30], 100.4)
    images[0] = 0
    dataset = from_arrays(images, np.arange(6), tmp_path / "a", test=(images[:2], np.arange(2)))
    assert (dataset.image_shape, dataset.crop_size, dataset.classes) == ((20, 30, 1), 15, tuple("012345"))
    assert (dataset.num_examples("train"), dataset.num_examples("test")) == (6, 2)
    assert sorted(read_records(dataset.train_files[0], (20, 30, 1))[0].max((1, 2, 3))) == [0, 100, 100, 100, 100, 100]


@pytest.mark.fault(promise="archives and files", injection="custom directories and arrays with a wrong layout")
@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (np.zeros([4, 8, 8, 3]) - 1, np.arange(4), "the range of the pixels must be known; got float64 from -1 to -1"),
        (np.full([4, 8, 8, 3], np.nan), np.arange(4), "images must not contain NaN"),
        (np.zeros([4, 8, 8, 3], np.uint8), np.arange(3), "one for each of 4 images; got 3 labels"),
        (np.zeros([4, 8, 8, 3], np.uint8), np.arange(4) / 2, "labels must be whole numbers"),
        (np.zeros([4, 8, 8, 3], np.uint8), np.arange(4) - 1, "got -1, 0, 1, 2"),
        (np.zeros([4, 8], np.uint8), np.arange(4), r"images must be \[N, rows, columns, channels\]"),
        (np.array(["a", "b"]), np.arange(2), "images must be numbers"),
        (
            np.zeros([0, 8, 8, 3], np.uint8),
            np.arange(0),
            r"images must not be empty; got uint8\[0, 8, 8, 3\] with 0 labels",
        ),
        (np.zeros([4, 8, 8, 3], np.uint8), np.arange(4), "at least 2 images"),
    ],
)
def test_errors_in_arrays_are_one_line(tmp_path, images, labels, message):
    with pytest.raises(DataSetError, match=message) as error:
        from_arrays(images, labels, tmp_path / "a")
    assert "\n" not in str(error.value)


def test_more_classes_than_names_and_too_large_a_crop(tmp_path):
    images, labels = np.zeros([8, 8, 8, 3], np.uint8), np.arange(8) % 4
    with pytest.raises(DataSetError, match="a character for each label, 0, 1, 2, 3; got 'abc'"):
        from_arrays(images, labels, tmp_path / "a", test=(images, labels), classes="abc")
    for crop_size in (9, 0, -3):
        with pytest.raises(DataSetError, match=f"from 1 to the image size, 8 x 8; got {crop_size}"):
            from_arrays(images, labels, tmp_path / "a", crop_size=crop_size)
        assert not any((tmp_path / "a").iterdir())


def test_more_than_256_classes_are_refused(tmp_path):
    for name in range(257):
        (tmp_path / "pictures" / f"{name}").mkdir(parents=True)
    with pytest.raises(DataSetError, match="2 to 256 in all; it has 257"):
        from_folder(tmp_path / "pictures", tmp_path / "a")


def test_a_dataset_is_loaded_by_directory_and_can_be_moved(tmp_path):
    home = from_folder(paint(tmp_path / "pictures", COUNTS), tmp_path / "a").train_files[0].parent
    moved = home.rename(tmp_path / "moved")
    dataset = registry.load(str(moved))
    assert (dataset.name, dataset.num_examples("train")) == ("a", 13)
    assert dataset.train_files[0].parent == moved


def colors_in_a_folder(tmp_path):
    return from_folder(paint(tmp_path / "pictures", dict.fromkeys(COLORS, 12)), tmp_path / "a", size=16)


def colors_in_arrays(tmp_path):
    images = np.repeat(np.array(list(COLORS.values()), np.uint8), 12, axis=0)[:, None, None] + np.zeros(
        [16, 16, 1], np.uint8
    )
    return from_arrays(images, np.arange(36) // 12, tmp_path / "a", classes=list(COLORS))


def colors_in_tensorflow(tmp_path):
    images = np.tile(np.array(list(COLORS.values()), np.uint8), (12, 1))[:, None, None] + np.zeros(
        [16, 16, 1], np.uint8
    )
    whole = tf.data.Dataset.from_tensor_slices((images, np.arange(36) % 3))
    return from_tf_dataset(whole.skip(6), whole.take(6), tmp_path / "a", classes=list(COLORS))


@pytest.mark.slow
@pytest.mark.parametrize(
    "source",
    [
        colors_in_a_folder,
        pytest.param(colors_in_arrays, marks=pytest.mark.full),
        pytest.param(colors_in_tensorflow, marks=pytest.mark.full),
    ],
)
def test_custom_datasets_can_be_trained_evaluated_and_classified(tmp_path, source):
    dataset = source(tmp_path)
    config = TrainConfig(train_dir=str(tmp_path / "run"), max_steps=60, batch_size=8, distortions="none")
    train(config, dataset=dataset)
    found = evaluate(EvalConfig(checkpoint_dir=config.train_dir, moving_average=False))
    assert (found.num_examples, found.precision) == (dataset.num_examples("test"), 1.0)
    classifier = load_classifier(config.train_dir)
    pictures = np.array([COLORS["green"]], np.uint8)[:, None, None] + np.zeros([1, 16, 16, 3], np.uint8)
    assert classify(classifier, pictures)[0][0].name == "green"


def test_a_dataset_is_not_the_directory_of_a_run(tmp_path):
    images, labels = np.zeros([8, 20, 20], np.uint8), np.arange(8) % 2
    made = from_arrays(images, labels, tmp_path / "a")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(
        ConfigError, match=r"train_dir must not be a directory of images or of a dataset; .*/a contains"
    ):
        train(TrainConfig(train_dir=str(tmp_path / "a"), max_steps=1), dataset=made)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_dataset_that_is_replaced_is_named(tmp_path):
    images, labels = np.zeros([8, 20, 20], np.uint8), np.arange(8) % 2
    assert "Replaced" not in from_arrays(images, labels, tmp_path / "a", classes=("cat", "dog")).summary
    second = from_arrays(images, labels, tmp_path / "a", classes=("car", "ship"))
    assert "Replaced the dataset that was there, with the classes cat, dog." in second.summary
