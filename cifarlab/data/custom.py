"""Custom datasets, from a directory of images, from arrays, or from a TensorFlow dataset.

Each function writes `train.bin`, `test.bin` and `dataset.json` to a directory and returns a `DataSet`. Pass it to
`train` and `evaluate`, or pass the directory as `--dataset DIRECTORY` on the command line. The number of classes, the
image size and the crop size are taken from the dataset everywhere.
"""

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.image_files import ImageFileError, image_paths, read_image
from cifarlab.data.records import read_labels, write_batches
from cifarlab.text import sanitize

if TYPE_CHECKING:
    import tensorflow as tf

Batches = Iterable[tuple[np.ndarray, np.ndarray]]

_CHUNK_SIZE = 500  # images in memory at a time
MAX_CLASSES = 256
"""The largest number of classes: a record stores its label in one byte."""


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
    classes: Sequence[str] | None = None,
    crop_size: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> DataSet:
    """Creates a dataset from images and labels in memory.

    Args:
        images: [N, rows, columns, channels], or [N, rows, columns] for grayscale; values 0-255, preferably uint8.
        labels: integers [N] or [N, 1], starting at 0.
        output_dir: the directory to write; its name becomes the dataset's name.
        test: test images and labels in the same form; by default they are chosen from `images` at random.
        classes: the class names; by default their numbers.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.
        test_fraction: fraction of each class to use as test images if `test` is not given.
        seed: random seed of that choice and of the order in which the images are written.

    Raises:
        DataSetError: images or labels have the wrong shape, dtype or values; the message says which.

    >>> import tempfile
    >>> images = np.zeros([20, 28, 28], np.uint8)
    >>> dataset = from_arrays(images, np.arange(20) % 4, tempfile.mkdtemp())
    >>> dataset.image_shape, dataset.crop_size, dataset.num_classes, dataset.num_examples("test")
    ((28, 28, 1), 21, 4, 4)
    """
    images, labels = _validate(images, labels)
    rng = np.random.default_rng(seed)
    if test is None:
        chosen = _test_mask(labels, _default_class_names(labels) if classes is None else classes, test_fraction, rng)
        test, images, labels = (images[chosen], labels[chosen]), images[~chosen], labels[~chosen]
    train = _chunks_in_order(images, labels, rng.permutation(len(labels)))
    test_images, test_labels = _validate(*test)
    return _write(
        Path(output_dir),
        train,
        _chunks_in_order(test_images, test_labels, np.arange(len(test_labels))),
        classes,
        crop_size,
    )


def from_tf_dataset(
    train: "tf.data.Dataset",
    test: "tf.data.Dataset",
    output_dir: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    crop_size: int | None = None,
) -> DataSet:
    """Creates a dataset from two finite TensorFlow datasets, which are read once, in batches.

    Args:
        train: yields (image, label) or batches of them: images [rows, columns, channels] of one size, values 0-255;
            integer labels starting at 0. The order is kept, so shuffle a dataset that is sorted by class.
        test: yields the test images in the same form.
        output_dir: the directory to write; its name becomes the dataset's name.
        classes: the class names; by default their numbers.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.

    Raises:
        DataSetError: the datasets have other elements; the message says which.
    """
    return _write(Path(output_dir), _in_batches(train), _in_batches(test), classes, crop_size)


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


def _validate(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns images and labels as uint8[N, rows, columns, channels] and int[N], or raises `DataSetError`."""
    images, labels = np.asarray(images), np.asarray(labels)
    images = images[..., None] if images.ndim == 3 else images
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.number):
        raise DataSetError(
            f"images must be numbers [N, rows, columns, channels]; got {images.dtype}{list(images.shape)}."
        )
    if labels.shape != images.shape[:1] or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise DataSetError(
            f"labels must be integers, one for each of {len(images):,} images; got {labels.dtype}{list(labels.shape)}."
        )
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        raise DataSetError(f"labels must be from 0 to {MAX_CLASSES - 1}; got {labels.min()} to {labels.max()}.")
    return _to_uint8(images), labels


def _chunks_in_order(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images and labels in the given order, in chunks: a reordered copy of all could exceed the memory."""
    for start in range(0, len(order), _CHUNK_SIZE):
        places = order[start : start + _CHUNK_SIZE]
        yield images[places], labels[places]


def _to_uint8(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255) or (0 < high <= 1 and not np.issubdtype(images.dtype, np.integer)):
        raise DataSetError(
            f"pixels must be from 0 to 255; got {images.dtype} from {low:g} to {high:g}. Multiply values in 0-1 by 255."
        )
    return np.round(images).astype(np.uint8)


def _in_batches(dataset: "tf.data.Dataset") -> Iterator[tuple[np.ndarray, np.ndarray]]:
    try:
        images, _ = dataset.element_spec
        rank = images.shape.rank
    except (AttributeError, TypeError, ValueError):
        raise DataSetError("expected a TensorFlow dataset of (image, label); this one has other elements.") from None
    if rank not in (3, 4) or None in images.shape[-3:]:
        raise DataSetError(
            f"images must be [rows, columns, channels], all of one size; got {images.shape}. Resize them first: "
            "dataset.map(lambda image, label: (tf.image.resize(image, [32, 32]), label))."
        )
    for some, labels in dataset if rank == 4 else dataset.batch(_CHUNK_SIZE):
        yield _validate(some.numpy(), labels.numpy())


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
