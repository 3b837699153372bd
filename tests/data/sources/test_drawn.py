import hashlib
import subprocess
import sys

import numpy as np
import pytest

from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES, read_records
from cifarlab.data.sources import drawn

pytestmark = pytest.mark.slow

FILES = TRAIN_FILES + TEST_FILES

FIRST_200 = "372037630e10d3a8a1adc561138700480ccd1b2217b24e360f3a19e6d0cfbe0e"
LABELS = np.arange(40) % 10


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """Returns the directory of a small dataset with 200 images per file."""
    folder = tmp_path_factory.mktemp("data") / "drawn"
    drawn.write_data_set(folder, train=1_000, test=200)
    return folder


def test_the_first_200_images_are_the_same_bytes_on_every_machine():
    images = drawn.draw(np.arange(200) % 10, seed=0)
    assert images.shape == (200, 32, 32, 3)
    assert images.dtype == np.uint8
    assert hashlib.sha256(images.tobytes()).hexdigest() == FIRST_200


def test_no_labels_give_no_images():
    assert drawn.draw(np.zeros(0, int), seed=0).shape == (0, 32, 32, 3)


def test_every_pose_and_background_is_drawn_without_a_warning(monkeypatch):
    """Detects divisions by zero and missing random numbers in rare poses."""
    names = [f"{paint.__name__}" for poses, _ in drawn._KINDS.values() for paint in poses]
    names += [paint.__name__ for paint in drawn.scenes.PLACES + drawn.scenes.IN_FRONT]
    seen, paint_as_it_is = set(), drawn._paint

    def noting(canvas, chosen, paint, *rest):
        if chosen.any():
            seen.add(paint.__name__)
        paint_as_it_is(canvas, chosen, paint, *rest)

    monkeypatch.setattr(drawn, "_paint", noting)
    with np.errstate(all="raise", under="ignore"):
        images = drawn.draw(np.arange(600) % 10, seed=2)
    assert seen == set(names)
    assert images.reshape(600, -1).std(axis=1).min() > 4  # no image is blank


def test_six_files_and_the_names_in_cifar_10s_format(data_set):
    assert sorted(path.name for path in data_set.iterdir()) == sorted([*FILES, "batches.meta.txt"])
    assert (data_set / "batches.meta.txt").read_text().split() == list(CLASSES)
    for name in FILES:
        assert (data_set / name).stat().st_size == 200 * 3073


def test_classes_are_balanced_and_shuffled_in_every_file(data_set):
    orders = [read_records(data_set / name)[1] for name in FILES]
    for labels in orders:
        assert np.bincount(labels, minlength=10).tolist() == [20] * 10
        assert (np.diff(labels) != 0).mean() > 0.8  # not sorted by class ...
        assert len(set(np.diff(labels))) > 10  # ... and not in a repeating order
    assert len({labels.tobytes() for labels in orders}) == 6


def test_all_images_differ(data_set):
    pictures = [image.tobytes() for name in FILES for image in read_records(data_set / name)[0]]
    assert len(set(pictures)) == len(pictures) == 1_200


def test_a_dataset_replaces_an_older_one(tmp_path):
    for seed in (1, 2):
        drawn.write_data_set(tmp_path / "drawn", seed=seed, train=50, test=10)
    drawn.write_data_set(tmp_path / "second", seed=2, train=50, test=10)
    assert (tmp_path / "drawn/test_batch.bin").read_bytes() == (tmp_path / "second/test_batch.bin").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["drawn", "second"]


def test_a_directory_with_other_files_is_not_replaced(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ValueError, match=r"thesis\.tex.*choose another directory"):
        drawn.write_data_set(tmp_path, train=50, test=10)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_interrupted_drawing_leaves_nothing_behind(tmp_path, monkeypatch):
    calls = []

    def interrupted(path, images, labels):
        calls.append(path)
        if len(calls) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(drawn, "write_records", interrupted)
    with pytest.raises(KeyboardInterrupt):
        drawn.write_data_set(tmp_path / "data" / "drawn", train=50, test=10)
    assert len(calls) == 3
    assert list((tmp_path / "data").iterdir()) == []


def test_an_interrupted_drawing_leaves_the_older_dataset(tmp_path, monkeypatch):
    drawn.write_data_set(tmp_path / "drawn", train=50, test=10)
    before = {path.name: path.read_bytes() for path in (tmp_path / "drawn").iterdir()}

    def full_disk(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(drawn, "write_records", full_disk)
    with pytest.raises(OSError, match="no space"):
        drawn.write_data_set(tmp_path / "drawn", seed=1, train=50, test=10)
    assert [path.name for path in tmp_path.iterdir()] == ["drawn"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "drawn").iterdir()} == before


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([3, 10], r"0 to 9.*label 1 is 10 \(1 such"),
        ([-1, 3], "label 0 is -1"),
        ([1.0, 2.0], r"integers.*got float64\[2\]"),
        ([[1, 2]], r"one axis.*got int64\[1, 2\]"),
        (3, "one axis"),
        (["cat"], "integers"),
        ([True, False], "integers"),
        (None, "integers"),
    ],
)
def test_invalid_labels_are_refused(labels, message):
    with pytest.raises(ValueError, match=message):
        drawn.draw(labels, seed=0)


@pytest.mark.parametrize("sizes", [{"train": 10_001}, {"train": 0}, {"test": 7}, {"test": -10}])
def test_sizes_that_cannot_be_divided_evenly_are_refused(tmp_path, sizes):
    with pytest.raises(ValueError, match="train must be a positive multiple of 50 and test a positive multiple of 10"):
        drawn.write_data_set(tmp_path / "drawn", **sizes)
    assert list(tmp_path.iterdir()) == []


def test_drawing_needs_numpy_only():
    heavy = ("tensorflow", "matplotlib", "scipy")
    code = f"import sys, cifarlab.data.sources.drawn; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def pixels_and_labels(files):
    """Returns the images of some files, float32[N, 3072] from 0 to 1, and their labels, int[N]."""
    images, labels = (np.concatenate(parts) for parts in zip(*map(read_records, files), strict=True))
    return images.reshape(len(images), -1).astype(np.float32) / 255, labels


def test_softmax_regression_on_the_pixels_stays_under_half(drawn):
    """The dataset is neither trivial nor too hard: the network exceeds 80 %, a linear classifier stays below 50 %."""
    (x, train), (x_test, test) = (pixels_and_labels(drawn.files(split)) for split in ("train", "test"))
    mean, rng = x.mean(axis=0), np.random.default_rng(0)
    x, x_test = x - mean, x_test - mean
    weights = np.zeros([x.shape[1] + 1, 10], np.float32)
    velocity, best = np.zeros_like(weights), 0.0
    for epoch in range(12):
        order = rng.permutation(len(x))
        for start in range(0, len(x), 100):
            batch = order[start : start + 100]
            logits = x[batch] @ weights[:-1] + weights[-1]
            logits = np.exp(logits - logits.max(axis=1, keepdims=True))
            error = logits / logits.sum(axis=1, keepdims=True) - np.eye(10, dtype=np.float32)[train[batch]]
            gradient = np.vstack([x[batch].T @ error, error.sum(axis=0)]) / len(batch)
            velocity = 0.9 * velocity + gradient.astype(np.float32)
            weights -= 0.02 * (1 - epoch / 12) * velocity
        best = max(best, ((x_test @ weights[:-1] + weights[-1]).argmax(axis=1) == test).mean())
    assert 0.25 < best < 0.5
