"""Custom datasets, from a directory of images, from arrays, or from a TensorFlow dataset.

Each function writes `train.bin`, `test.bin` and `dataset.json` to a directory and returns a `DataSet`. Pass it to
`train` and `evaluate`, or pass the directory as `--dataset DIRECTORY` on the command line. The number of classes, the
image size and the crop size are taken from the dataset everywhere.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cifarlab.data.arrays import as_images, orient
from cifarlab.data.class_labels import encode_labels, label_values
from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.image_files import ImageFileError, image_paths, read_image
from cifarlab.data.records import MAX_CLASSES, read_labels, write_batches
from cifarlab.data.tf_datasets import ReadProgress, read_datasets
from cifarlab.data.value_ranges import Range, find_range, in_chunks, measure
from cifarlab.files import as_path
from cifarlab.text import display_name, sanitize

if TYPE_CHECKING:
    import tensorflow as tf

Batches = Iterable[tuple[np.ndarray, np.ndarray]]

_CHUNK_SIZE = 500  # images in memory at a time


def from_folder(
    image_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    size: int = 32,
    crop_size: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> DataSet:
    """Creates a dataset from a directory with one subdirectory of images per class.

    Args:
        image_dir: contains `<class>/<any name>.jpg` and so on, or, if the images are already split,
            `train/<class>/...` and `test/<class>/...`. Any format that Pillow reads; images are cropped to a square.
        output_dir: the directory to write; its name becomes the dataset's name.
        size: rows and columns that images are scaled to.
        crop_size: rows and columns that the network sees; by default three quarters of `size`, such as 24 of 32.
        test_fraction: fraction of each class's images to use as test images, chosen at random, unless the images are
            already split. Near duplicates, such as frames of one video, belong in the same split: split them yourself.
        seed: random seed of that choice and of the order in which the images are written.

    Raises:
        DataSetError: there are fewer than 2 classes or more than 256, or a class has too few images.
        ImageFileError: files cannot be read; the message names the first of them, and nothing is written.
    """
    home = Path(image_dir)
    if not home.is_dir():
        raise DataSetError(
            f"{sanitize(home)} is not a directory; expected a directory with one subdirectory of images per class."
        )
    parts = ("train", "test") if all(any(_subdirectories(home / part)) for part in ("train", "test")) else ("",)
    classes = sorted({directory.name for part in parts for directory in _subdirectories(home / part)})
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataSetError(
            f"{sanitize(home)} must contain one subdirectory of images per class, 2 to {MAX_CLASSES} in all; it has "
            f"{len(classes):,}. Pass the directory that contains the classes' subdirectories, or merge classes."
        )
    found = {part: _list_images(home / part, classes) for part in parts}
    if parts == ("",):
        (paths, labels), rng = found[""], np.random.default_rng(seed)
        chosen = _test_mask(labels, classes, test_fraction, rng)
        found = {"train": _part(paths, labels, ~chosen), "test": _part(paths, labels, chosen)}
    shape = (size, size, 3)
    train, test = (_read_in_batches(*found[part], shape, [seed, i]) for i, part in enumerate(("train", "test")))
    return _write(Path(output_dir), train, test, classes, crop_size)


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray,
    output_dir: str | os.PathLike,
    *,
    test: tuple[np.ndarray, np.ndarray] | None = None,
    classes: Sequence[str] | Mapping | None = None,
    crop_size: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    axes: str | None = None,
    value_range: Range | None = None,
) -> DataSet:
    """Creates a dataset from images and labels in memory.

    Args:
        images: [N, rows, columns, channels], or [N, rows, columns] for grayscale; values 0-255, preferably uint8.
            Channels first, images last, rows of values, and values from 0 to 1, from -1 to 1, or of 12 or 16 bits are
            recognized. If several readings fit, the error names the argument that decides.
        labels: [N] or [N, 1], whole numbers or text, or one-hot, [N, classes].
        output_dir: the directory to write; its name becomes the dataset's name.
        test: test images and labels in the same form; by default they are chosen from `images` at random.
        classes: the class names in the order of the labels, or {label: name}; by default the labels themselves.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.
        test_fraction: fraction of each class to use as test images if `test` is not given.
        seed: random seed of that choice and of the order in which the images are written.
        axes: the order of the images' axes: N (images), H (rows), W (columns) and C (channels), such as "NCHW". For
            rows of color values, "NCHW" means three planes, as in CIFAR-10's files, and "NHWC" pixel by pixel.
        value_range: the values of black and white, such as (0, 1).

    Raises:
        DataSetError: images or labels have the wrong shape, dtype or values, or can be read in several ways; the
            message says which.

    >>> import tempfile
    >>> images = np.zeros([20, 28, 28], np.uint8)
    >>> dataset = from_arrays(images, np.arange(20) % 4, tempfile.mkdtemp())
    >>> dataset.image_shape, dataset.crop_size, dataset.num_classes, dataset.num_examples("test")
    ((28, 28, 1), 21, 4, 4)
    """
    values, test_values = label_values(labels), None
    images, order = orient(as_images(images), len(values), axes)
    ranges = {"images": measure(images)}
    if test is not None:
        test_images, test_labels = _pair(test)
        test_images = as_images(test_images, "test images")
        test_values = label_values(test_labels, "test labels", single=len(test_images) == 1)
        test_images, _ = orient(test_images, len(test_values), axes, "test images", like=order)
        ranges["test images"] = measure(test_images, "test images")
    limits = find_range(ranges, value_range)
    encoded, rng = encode_labels(values, test_values, classes), np.random.default_rng(seed)
    if encoded.test is None:
        present, codes = np.unique(encoded.train, return_inverse=True)
        chosen = _test_mask(codes, [encoded.classes[label] for label in present], test_fraction, rng)
        held = in_chunks(images, encoded.train, np.flatnonzero(chosen), limits)
    else:
        chosen = np.zeros(len(images), bool)
        held = in_chunks(test_images, encoded.test, np.arange(len(test_images)), limits)
    places = np.flatnonzero(~chosen)
    train = in_chunks(images, encoded.train, places[rng.permutation(len(places))], limits)
    return _write(as_path(output_dir), train, held, encoded.classes, crop_size)


def from_tf_dataset(
    train: "tf.data.Dataset",
    test: "tf.data.Dataset",
    output_dir: str | os.PathLike,
    *,
    classes: Sequence[str] | Mapping | None = None,
    crop_size: int | None = None,
    axes: str | None = None,
    value_range: Range | None = None,
    progress: ReadProgress | None = None,
) -> DataSet:
    """Creates a dataset from two finite TensorFlow datasets, which are read once, in batches.

    Args:
        train: yields (image, label), a dictionary of "image" and "label", or batches of them: images of one size,
            labels as for `from_arrays`. The order is kept, so shuffle a dataset that is sorted by class.
        test: yields the test images in the same form.
        output_dir: the directory to write; its name becomes the dataset's name.
        classes: the class names in the order of the labels, or {label: name}; by default the labels themselves.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.
        axes: the order of the images' axes, as for `from_arrays`; by default as in the first images.
        value_range: the values of black and white; by default as in the first images.
        progress: called about once per second with the number of images read so far and of all, or None if that is
            unknown.

    Raises:
        DataSetError: a dataset is infinite, empty, or has other elements, or images can be read in several ways, or
            both datasets are parts of one that is shuffled again for each; the message says which.
    """
    output_dir = as_path(output_dir)
    output_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=output_dir) as scratch:
        parts = read_datasets(train, test, Path(scratch), axes=axes, value_range=value_range, progress=progress)
        encoded = encode_labels(parts[0].labels, parts[1].labels, classes)
        test_batches = parts[1].batches(encoded.test)  # type: ignore[arg-type]
        return _write(output_dir, parts[0].batches(encoded.train), test_batches, encoded.classes, crop_size)


def _write(
    output_dir: Path, train: Batches, test: Batches, classes: Sequence[str] | None, crop_size: int | None
) -> DataSet:
    """Writes a dataset. An existing one in the directory is replaced only when the new one is complete."""
    output_dir = output_dir.resolve()
    output_dir.mkdir(parents=True, exist_ok=True)
    shapes: set[tuple[int, ...]] = set()
    with tempfile.TemporaryDirectory(prefix=".making-", dir=output_dir) as scratch:
        files = [Path(scratch, "train.bin"), Path(scratch, "test.bin")]
        for file, batches in zip(files, (train, test), strict=True):
            if not write_batches(file, _of_one_shape(batches, shapes)):
                raise DataSetError(f"expected at least one {file.stem} image; got none.")
        rows, columns, channels = shapes.pop()
        names = _default_class_names(read_labels(files[0], (rows, columns, channels))) if classes is None else classes
        crop_size = max(1, min(rows, columns) * 3 // 4) if crop_size is None else crop_size
        if not 1 <= crop_size <= min(rows, columns):
            raise DataSetError(f"crop_size must be from 1 to the image size, {rows} x {columns}; got {crop_size}.")
        shape, name = (rows, columns, channels), output_dir.name
        made = DataSet(name, tuple(map(str, names)), (files[0],), (files[1],), shape, crop_size)
        made.validate()
        made.save_description(Path(scratch, DESCRIPTION))
        for file in (*files, Path(scratch, DESCRIPTION)):
            file.replace(output_dir / file.name)
    return DataSet.read_description(output_dir / DESCRIPTION)


def _default_class_names(labels: np.ndarray) -> list[str]:
    """Returns the default class names: the numbers of the classes."""
    return [str(i) for i in range(int(labels.max()) + 1)]


def _of_one_shape(batches: Batches, shapes: set[tuple[int, ...]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the batches unchanged and adds their image shape to `shapes`; all images must have the same shape."""
    for images, labels in batches:
        shapes.add(images.shape[1:])
        if len(shapes) > 1:
            raise DataSetError(
                f"all images must have the same rows, columns and channels; got {' and '.join(map(str, shapes))}. "
                "Resize them first."
            )
        yield images, labels


def _pair(test: object) -> tuple[Any, Any]:
    """Returns the test images and labels; raises `DataSetError` for anything but two values."""
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise DataSetError("test must be a pair (images, labels); got " + display_name(type(test).__name__) + ".")
    return test[0], test[1]


def _subdirectories(home: Path) -> list[Path]:
    """Returns the subdirectories of a directory, without hidden ones."""
    return sorted(f for f in home.iterdir() if f.is_dir() and f.name[0] not in "._") if home.is_dir() else []


def _list_images(home: Path, classes: Sequence[str]) -> tuple[list[Path], np.ndarray]:
    """Returns the image files of all classes, and their labels, int[N]."""
    by_class = [image_paths(home / name) for name in classes]
    for name, paths in zip(classes, by_class, strict=True):
        if not paths:
            raise DataSetError(
                f"{sanitize(home / name)} must contain images of the class {sanitize(name)}; it has none."
            )
    return [path for paths in by_class for path in paths], np.repeat(np.arange(len(classes)), list(map(len, by_class)))


def _test_mask(labels: np.ndarray, classes: Sequence[str], fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Chooses test images at random, bool[N]: a fraction of each class, at least one image but not all."""
    if not 0 < fraction < 1:
        raise DataSetError(f"test_fraction must be between 0 and 1; got {fraction}.")
    chosen = np.zeros(len(labels), bool)
    for label, name in enumerate(classes):
        places = np.flatnonzero(labels == label)
        if len(places) < 2:
            raise DataSetError(
                f"each class must have at least 2 images, one for training and one for the test; {sanitize(name)} has "
                f"{len(places)}. Add images, or remove the class."
            )
        count = min(max(round(fraction * len(places)), 1), len(places) - 1)
        chosen[rng.permutation(places)[:count]] = True
    return chosen


def _part(paths: list[Path], labels: np.ndarray, chosen: np.ndarray) -> tuple[list[Path], np.ndarray]:
    return [path for path, here in zip(paths, chosen, strict=True) if here], labels[chosen]


def _read_in_batches(
    paths: list[Path], labels: np.ndarray, shape: tuple[int, int, int], seed: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images and labels in random order, because the shuffle queue holds only part of an epoch.

    Raises:
        ImageFileError: files cannot be read; raised only after all files were tried.
    """
    order, wrong = np.random.default_rng(seed).permutation(len(paths)), []
    for start in range(0, len(paths), _CHUNK_SIZE):
        images, kept = [], []
        for place in order[start : start + _CHUNK_SIZE]:
            try:
                images.append(read_image(paths[place], shape))
                kept.append(labels[place])
            except ImageFileError as error:
                wrong.append(str(error))
        if images:
            yield np.stack(images), np.array(kept)
    if wrong:
        raise ImageFileError(f"{len(wrong)} of {len(paths)} files cannot be used. The first: {wrong[0]}")
