"""A data set of one's own: from a folder of pictures, from arrays, or from a TensorFlow dataset, to files of records.

Each function writes `train.bin`, `test.bin` and `dataset.json` into a folder. From then on the folder is the data set:
`train` and `evaluate` take what is returned here, and `--dataset FOLDER` names it on the command line. Number of
classes, image size and crop follow from it everywhere.
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

_CHUNK_SIZE = 500  # pictures that are in memory at a time
MAX_CLASSES = 256
"""A record's label is a byte."""


def from_folder(
    image_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    size: int = 32,
    crop_size: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
) -> DataSet:
    """A data set from a folder that has a folder of pictures for each class.

    Args:
        image_dir: holds `<class>/<any name>.jpg` and so on; or `train/<class>/...` and `test/<class>/...`, where the
            pictures are parted already. Any format that Pillow reads; the middle of an oblong picture is kept.
        output_dir: the folder to write; its name becomes the data set's.
        size: rows and columns that pictures are scaled to.
        crop_size: rows and columns that the network sees; by default three quarters, as 24 of 32.
        test_fraction: of each class's pictures that become test pictures, drawn at random, if they are not parted
            already. Nearly equal pictures, such as those of one film, belong to the same side: part them yourself then.
        seed: of that draw, and of the order in which the pictures are written.

    Raises:
        DataSetError: there are fewer than two classes or more than 256, or one has too few pictures.
        ImageFileError: files cannot be read; the message names the first of them, and nothing is written.
    """
    home = Path(image_dir)
    if not home.is_dir():
        raise DataSetError(f"{sanitize(home)} is no folder; expected one that has a folder of pictures for each class.")
    parts = ("train", "test") if all(any(_folders(home / part)) for part in ("train", "test")) else ("",)
    classes = sorted({folder.name for part in parts for folder in _folders(home / part)})
    if not 2 <= len(classes) <= MAX_CLASSES:
        raise DataSetError(
            f"{sanitize(home)} should hold a folder of pictures for each class, 2 to {MAX_CLASSES}; it has "
            f"{len(classes):,}. Name the folder above the classes' folders, or join classes."
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
    """A data set from images and labels in memory.

    Args:
        images: [N, rows, columns, channels], or [N, rows, columns] for grey ones; 0-255, best as uint8.
        labels: integers [N] or [N, 1], from 0 on.
        output_dir: the folder to write; its name becomes the data set's.
        test: test images and labels, in the same form; by default a share of each class is taken for that.
        classes: the classes' names; by default their numbers.
        crop_size: rows and columns that the network sees; by default three quarters of the images'.
        test_fraction: of each class, if no test images are given.
        seed: of the draw of the test images, and of the order in which the images are written.

    Raises:
        DataSetError: images or labels of another form; the message says which.

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
    """A data set from two finite TensorFlow datasets, read once and never in memory as a whole.

    Args:
        train: of (image, label), or of batches of them: images [rows, columns, channels], 0-255, all of one size;
            integer labels from 0 on. They are written in this order, so shuffle a dataset that is sorted by class.
        test: likewise.
        output_dir: the folder to write; its name becomes the data set's.
        classes: the classes' names; by default their numbers.
        crop_size: rows and columns that the network sees; by default three quarters of the images'.

    Raises:
        DataSetError: the datasets hold something else; the message says what.
    """
    return _write(Path(output_dir), _in_batches(train), _in_batches(test), classes, crop_size)


def _write(
    folder: Path, train: Batches, test: Batches, classes: Sequence[str] | None, crop_size: int | None
) -> DataSet:
    """Writes a data set; what was in its place stays until all of the new one is there."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shapes: set[tuple[int, ...]] = set()
    with tempfile.TemporaryDirectory(prefix=".making-", dir=folder) as scratch:
        files = [Path(scratch, "train.bin"), Path(scratch, "test.bin")]
        for file, batches in zip(files, (train, test), strict=True):
            if not write_batches(file, _of_one_shape(batches, shapes)):
                raise DataSetError(f"there should be {file.stem} pictures; there are none.")
        rows, columns, channels = shapes.pop()
        names = _default_class_names(read_labels(files[0], (rows, columns, channels))) if classes is None else classes
        crop_size = max(1, min(rows, columns) * 3 // 4) if crop_size is None else crop_size
        if not 1 <= crop_size <= min(rows, columns):
            raise DataSetError(f"crop_size is 1 to the images' size, {rows} x {columns}; got {crop_size}.")
        shape, name = (rows, columns, channels), folder.name
        made = DataSet(name, tuple(map(str, names)), (files[0],), (files[1],), shape, crop_size)
        made.validate()
        made.save_description(Path(scratch, DESCRIPTION))
        for file in (*files, Path(scratch, DESCRIPTION)):
            file.replace(folder / file.name)
    return DataSet.read_description(folder / DESCRIPTION)


def _default_class_names(labels: np.ndarray) -> list[str]:
    """The classes' names where none were given: their numbers."""
    return [str(i) for i in range(int(labels.max()) + 1)]


def _of_one_shape(batches: Batches, shapes: set[tuple[int, ...]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Passes batches on, and notes their images' shape, of which there must be one."""
    for images, labels in batches:
        shapes.add(images.shape[1:])
        if len(shapes) > 1:
            raise DataSetError(
                f"images should all have the same rows, columns and channels; got {' and '.join(map(str, shapes))}. "
                "Resize them first."
            )
        yield images, labels


def _validate(images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of any reasonable form as uint8[N, rows, columns, channels], int[N]."""
    images, labels = np.asarray(images), np.asarray(labels)
    images = images[..., None] if images.ndim == 3 else images
    labels = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if images.ndim != 4 or not np.issubdtype(images.dtype, np.number):
        raise DataSetError(f"images are [N, rows, columns, channels]; got {images.dtype}{list(images.shape)}.")
    if labels.shape != images.shape[:1] or not len(labels) or not np.issubdtype(labels.dtype, np.integer):
        raise DataSetError(
            f"labels are integers, one for each of {len(images):,} images; got {labels.dtype}{list(labels.shape)}."
        )
    if labels.min() < 0 or labels.max() >= MAX_CLASSES:
        raise DataSetError(
            f"labels lie in 0 to {MAX_CLASSES - 1}, the places of the classes; got {labels.min()} to {labels.max()}."
        )
    return _to_uint8(images), labels


def _chunks_in_order(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Images and labels in this order, some at a time: a whole copy in another order may be too much."""
    for start in range(0, len(order), _CHUNK_SIZE):
        places = order[start : start + _CHUNK_SIZE]
        yield images[places], labels[places]


def _to_uint8(images: np.ndarray) -> np.ndarray:
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    if not (low >= 0 and high <= 255) or (0 < high <= 1 and not np.issubdtype(images.dtype, np.integer)):
        raise DataSetError(
            f"pixels lie in 0 to 255; got {images.dtype} of {low:g} to {high:g}. Scale them: 0 to 1 times 255."
        )
    return np.round(images).astype(np.uint8)


def _in_batches(dataset: "tf.data.Dataset") -> Iterator[tuple[np.ndarray, np.ndarray]]:
    try:
        images, _ = dataset.element_spec
        rank = images.shape.rank
    except (AttributeError, TypeError, ValueError):
        raise DataSetError("a TensorFlow dataset of (image, label) is expected; this one has other elements.") from None
    if rank not in (3, 4) or None in images.shape[-3:]:
        raise DataSetError(
            f"images are [rows, columns, channels], all of one size; got {images.shape}. Resize them first: "
            "dataset.map(lambda image, label: (tf.image.resize(image, [32, 32]), label))."
        )
    for some, labels in dataset if rank == 4 else dataset.batch(_CHUNK_SIZE):
        yield _validate(some.numpy(), labels.numpy())


def _folders(home: Path) -> list[Path]:
    """The folders in a folder, hidden ones left out."""
    return sorted(f for f in home.iterdir() if f.is_dir() and f.name[0] not in "._") if home.is_dir() else []


def _list_images(home: Path, classes: Sequence[str]) -> tuple[list[Path], np.ndarray]:
    """The pictures of all classes, and their labels."""
    by_class = [image_paths(home / name) for name in classes]
    for name, paths in zip(classes, by_class, strict=True):
        if not paths:
            raise DataSetError(
                f"{sanitize(home / name)} should hold pictures of the class {sanitize(name)}; there are none."
            )
    return [path for paths in by_class for path in paths], np.repeat(np.arange(len(classes)), list(map(len, by_class)))


def _test_mask(labels: np.ndarray, classes: Sequence[str], fraction: float, rng: np.random.Generator) -> np.ndarray:
    """Which images become test images, bool[N]: a share of each class, one at least and never all of them."""
    if not 0 < fraction < 1:
        raise DataSetError(f"test_fraction lies between 0 and 1; got {fraction}.")
    chosen = np.zeros(len(labels), bool)
    for label, name in enumerate(classes):
        places = np.flatnonzero(labels == label)
        if len(places) < 2:
            raise DataSetError(
                f"a class has two pictures at least, one for training and one for the test; {sanitize(name)} has "
                f"{len(places)}. Add pictures, or leave the class out."
            )
        count = min(max(round(fraction * len(places)), 1), len(places) - 1)
        chosen[rng.permutation(places)[:count]] = True
    return chosen


def _part(paths: list[Path], labels: np.ndarray, chosen: np.ndarray) -> tuple[list[Path], np.ndarray]:
    return [path for path, here in zip(paths, chosen, strict=True) if here], labels[chosen]


def _read_in_batches(
    paths: list[Path], labels: np.ndarray, shape: tuple[int, int, int], seed: Sequence[int]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures and labels in an order that mixes the classes, since the shuffle queue holds only part of an epoch.

    Raises:
        ImageFileError: after all files were tried, if any cannot be read.
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
