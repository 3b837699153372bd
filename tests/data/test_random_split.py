"""Test images are chosen one by one, each by itself, so that a dataset can grow."""

import unicodedata

import numpy as np
import pytest
from PIL import Image

from cifarlab.data.custom import from_arrays, from_folder
from cifarlab.data.dataset import DataSetError
from cifarlab.data.random_split import choose_test_images
from cifarlab.data.records import read_records


def paint(path, value):
    """Writes an image that no other value gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 8), (value % 256, value // 256, 7)).save(path)


def photos(home, each=40, classes=("cat", "dog")):
    for label, name in enumerate(classes):
        for number in range(each):
            paint(home / name / f"IMG_{number:04d}.png", label * 1000 + number)
    return home


def values(dataset, split):
    """Returns what `paint` was given for the images of a split."""
    images, _ = read_records(dataset.files(split)[0], dataset.image_shape)
    return {int(red) + 256 * int(green) for red, green, _ in images[:, 0, 0]}


def both(dataset):
    return values(dataset, "train"), values(dataset, "test")


def test_an_added_or_removed_photo_moves_no_other_one(tmp_path):
    home = photos(tmp_path / "photos")
    train, test = both(from_folder(home, tmp_path / "a", size=8))
    assert train | test == {*range(40), *range(1000, 1040)}
    for number in range(12):  # also before and between the others
        paint(home / "cat" / f"{'AIZ'[number % 3]}{number}.png", 500 + number)
    grown = from_folder(home, tmp_path / "a", size=8)
    assert both(grown)[0] >= train
    assert both(grown)[1] >= test
    for number in range(0, 40, 3):
        (home / "dog" / f"IMG_{number:04d}.png").unlink()
    shrunk = from_folder(home, tmp_path / "a", size=8)
    assert both(shrunk)[0] <= both(grown)[0]
    assert both(shrunk)[1] <= both(grown)[1]
    for made in (grown, shrunk):
        assert "Replaced the dataset that was there" in made.summary
        assert "Since then" not in made.summary


def test_the_directory_the_classes_and_the_spelling_of_names_do_not_matter(tmp_path):
    home = photos(tmp_path / "photos", classes=("café", "dog"))
    first = both(from_folder(home, tmp_path / "a", size=8))
    (home / "café").rename(home / unicodedata.normalize("NFD", "Café"))
    assert both(from_folder(home.rename(tmp_path / "moved"), tmp_path / "b", size=8)) == first
    photos(tmp_path / "moved", classes=("ant",))  # a third class, and first in order
    assert [
        found & set(range(1000, 1040)) for found in both(from_folder(tmp_path / "moved", tmp_path / "c", size=8))
    ] == [found & set(range(1000, 1040)) for found in first]


def test_a_moved_image_is_said(tmp_path):
    home = photos(tmp_path / "photos")
    train, test = both(from_folder(home, tmp_path / "a", size=8))
    again = from_folder(home, tmp_path / "a", size=8, seed=1)
    to_train, to_test = both(again)[0] & test, both(again)[1] & train
    assert to_train
    assert to_test
    assert (
        f"Since then, {len(to_train)} images moved from test to training, and {len(to_test)} images from training to "
        "test. Train a new run: an earlier one would be evaluated on images that it was trained on."
    ) in again.summary.splitlines()
    assert "Since then" not in from_folder(home, tmp_path / "b", size=8, seed=1).summary


def test_arrays_can_grow_too(tmp_path):
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, [60, 6, 6, 3], np.uint8), np.arange(60) % 2

    def pixels(dataset, split):
        return {image.tobytes() for image in read_records(dataset.files(split)[0], (6, 6, 3))[0]}

    first = from_arrays(images[:50], labels[:50], tmp_path / "a")
    order = rng.permutation(60)
    grown = from_arrays(images[order], labels[order], tmp_path / "b")
    scaled = from_arrays(images[order] / 255, labels[order], tmp_path / "c")
    for split in ("train", "test"):
        assert pixels(first, split) < pixels(grown, split) or pixels(first, split) == pixels(grown, split)
        assert pixels(scaled, split) == pixels(grown, split)
    assert sum(len(pixels(grown, split)) for split in ("train", "test")) == 60


def test_identical_images_in_arrays_are_split_too(tmp_path):
    dataset = from_arrays(np.zeros([200, 6, 6], np.uint8), np.arange(200) % 2, tmp_path / "a")
    assert 20 < dataset.num_examples("test") < 60


@pytest.mark.parametrize("fraction", [0.01, 0.2, 0.5, 0.99])
def test_the_fraction_is_close_and_no_class_lacks_in_either_part(fraction):
    sizes = [2, 3, 5, 20, 4000]
    labels = np.repeat(np.arange(5), sizes)
    keys = [b"%d" % number for number in range(len(labels))]
    chosen = [choose_test_images(keys, labels, "abcde", fraction, seed) for seed in range(20)]
    for one in chosen:
        counts = np.bincount(labels[one], minlength=5)
        assert (counts >= 1).all()
        assert (counts < sizes).all()
        assert abs(counts[4] / 4000 - fraction) < 0.04
    assert len({one.tobytes() for one in chosen}) == 20


def test_the_choice_is_the_same_on_every_system():
    chosen = choose_test_images([b"cat/%d.jpg" % number for number in range(30)], np.zeros(30, int), ["cat"], 0.2, 0)
    assert np.flatnonzero(chosen).tolist() == [2, 8, 10, 25, 27, 29]


def test_a_fraction_without_effect_is_said_or_refused(tmp_path):
    for part in ("train", "test"):
        photos(tmp_path / "photos" / part, each=2)
    line = "test_fraction has no effect, because the test images are those of a part."
    assert line not in from_folder(tmp_path / "photos", tmp_path / "a", size=8).summary
    assert line in from_folder(tmp_path / "photos", tmp_path / "a", size=8, test_fraction=0.2).summary.splitlines()
    for impossible in (0, 1, 7, -1, "0.5"):
        with pytest.raises(DataSetError, match="test_fraction must be a number between 0 and 1"):
            from_folder(tmp_path / "photos", tmp_path / "a", size=8, test_fraction=impossible)
    line = 'validation="train" has no effect, because there is no validation part.'
    assert line in from_folder(tmp_path / "photos", tmp_path / "a", size=8, validation="train").summary.splitlines()
    images, labels = np.zeros([8, 6, 6], np.uint8), np.arange(8) % 2
    with pytest.raises(DataSetError, match=r"got it with test\. Pass one of the two"):
        from_arrays(images, labels, tmp_path / "b", test=(images, labels), test_fraction=0.3)
    with pytest.raises(DataSetError, match=r"between 0 and 1, such as 0\.2; got 1\.5"):
        from_arrays(images, labels, tmp_path / "b", test=(images, labels), test_fraction=1.5)
    for seed in (-1, 1.5, "0", None):
        with pytest.raises(DataSetError, match="seed must be a whole number from 0"):
            from_arrays(images, labels, tmp_path / "b", seed=seed)
