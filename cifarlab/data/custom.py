"""Custom datasets, from a directory of images, from arrays, or from a TensorFlow dataset.

Each function writes `train.bin`, `test.bin`, perhaps `validation.bin`, and `dataset.json` to a directory and returns a
`DataSet`. Its `summary` says what was understood and whether training and test images are identical. Pass it to
`train` and `evaluate`, or pass the directory as `--dataset DIRECTORY` on the command line. The number of classes, the
image size and the crop size are taken from the dataset everywhere.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cifarlab.data.dataset import SPLITS, DataSet, DataSetError
from cifarlab.data.image_layout import Layout, read_layout
from cifarlab.data.image_reader import Files, ImageReader
from cifarlab.data.records import MAX_CLASSES
from cifarlab.data.writer import WriteProgress, check_crop_size, default_class_names, given_path, write_dataset
from cifarlab.text import sanitize

if TYPE_CHECKING:
    import tensorflow as tf

_CHUNK_SIZE = 500  # images in memory at a time


def from_folder(
    image_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    size: int = 32,
    crop_size: int | None = None,
    test_fraction: float = 0.2,
    seed: int = 0,
    validation: str = "split",
    skip_unreadable: bool = False,
    remove_duplicates: bool = False,
    progress: WriteProgress | None = None,
) -> DataSet:
    """Creates a dataset from a directory with one subdirectory of images per class.

    The `summary` of the result is a table of what was understood: the images of each class in each part, ignored files,
    and identical images in the training and test parts. `cifarlab data IMAGES --as DIRECTORY` prints it.

    Args:
        image_dir: contains `<class>/<any name>.jpg` and so on, or, if the images are already split, such directories
            in `train`, `test` and perhaps `val` (or another common name for these parts). Images in any format that
            Pillow reads, and HEIC if `pillow-heif` is installed, are cropped to a square.
        output_dir: the directory to write; its name becomes the dataset's name.
        size: rows and columns that images are scaled to.
        crop_size: rows and columns that the network sees; by default three quarters of `size`, such as 24 of 32.
        test_fraction: fraction of each class's images to use as test images, chosen at random, unless there is a test
            part. Near duplicates, such as frames of one video, belong in the same part: split them yourself.
        seed: random seed of that choice and of the order in which the images are written.
        validation: what to do with a validation part: "split" makes it the dataset's validation images, or its test
            images if there is no test part; "train" adds it to the training images.
        skip_unreadable: leave out files that cannot be read. By default, they are an error.
        remove_duplicates: leave out training images that are identical to test or validation images.
        progress: called with the number of images read and the number of all images, at most ten times per second.

    Raises:
        DataSetError: the directory has no meaning as a dataset, there are fewer than 2 classes or more than 256, or a
            class has too few images.
        ImageFileError: files cannot be read. The message names them, `<output_dir>-unreadable.txt` lists all of them,
            and nothing else is written.

    >>> import tempfile
    >>> from PIL import Image
    >>> home = Path(tempfile.mkdtemp(), "photos")
    >>> for number, name in enumerate(["train/cat", "train/dog", "val/cat", "val/dog"]):
    ...     (home / name).mkdir(parents=True)
    ...     Image.new("RGB", (40, 30), (50 * number, 0, 0)).save(home / name / "1.png")
    >>> print(from_folder(home, home.with_name("pets")).summary.replace(str(home), "photos"))
    class  train  test
    cat        1     1
    dog        1     1
    total      2     2
    train: photos/train
    test: photos/val, because there is no test part
    Duplicates: 0 of 2 test images also in the training images.
    """
    home, target = given_path("image_dir", image_dir), given_path("output_dir", output_dir)
    crop_size = _check_settings(size, crop_size, seed, validation)
    _check_apart(home, target)
    layout = read_layout(home)
    reader = ImageReader(layout, target, (size, size, 3), seed, skip_unreadable)
    reader.check_formats()
    files, origins = _assign_parts(layout, validation, test_fraction, seed)
    return write_dataset(
        target,
        reader.batches(files["train"], 0),
        reader.batches(files["test"], 1),
        layout.classes,
        crop_size,
        validation=reader.batches(files["validation"], 2) if "validation" in files else None,
        remove_duplicates=remove_duplicates,
        summarize=lambda counts: reader.summary(counts, origins),
        progress=progress,
        total=sum(len(paths) for paths, _ in files.values()),
    )


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
    remove_duplicates: bool = False,
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
        remove_duplicates: leave out training images that are identical to test images.

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
        chosen = _test_mask(labels, default_class_names(labels) if classes is None else classes, test_fraction, rng)
        test, images, labels = (images[chosen], labels[chosen]), images[~chosen], labels[~chosen]
    train = _chunks_in_order(images, labels, rng.permutation(len(labels)))
    test_images, test_labels = _validate(*test)
    return write_dataset(
        output_dir,
        train,
        _chunks_in_order(test_images, test_labels, np.arange(len(test_labels))),
        classes,
        crop_size,
        remove_duplicates=remove_duplicates,
    )


def from_tf_dataset(
    train: "tf.data.Dataset",
    test: "tf.data.Dataset",
    output_dir: str | os.PathLike,
    *,
    classes: Sequence[str] | None = None,
    crop_size: int | None = None,
    remove_duplicates: bool = False,
) -> DataSet:
    """Creates a dataset from two finite TensorFlow datasets, which are read once, in batches.

    Args:
        train: yields (image, label) or batches of them: images [rows, columns, channels] of one size, values 0-255;
            integer labels starting at 0. The order is kept, so shuffle a dataset that is sorted by class.
        test: yields the test images in the same form.
        output_dir: the directory to write; its name becomes the dataset's name.
        classes: the class names; by default their numbers.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.
        remove_duplicates: leave out training images that are identical to test images.

    Raises:
        DataSetError: the datasets have other elements; the message says which.
    """
    return write_dataset(
        output_dir, _in_batches(train), _in_batches(test), classes, crop_size, remove_duplicates=remove_duplicates
    )


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


def _check_settings(size: int, crop_size: int | None, seed: int, validation: str) -> int:
    """Returns the crop size, or raises `DataSetError` for settings of `from_folder` that are out of range."""
    for name, value, least, most in (("size", size, 1, 4096), ("seed", seed, 0, 2**32)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
            raise DataSetError(f"{name} must be a whole number from {least} to {most:,}; got {value!r}.")
    if validation not in ("split", "train"):
        raise DataSetError(f'validation must be "split" or "train"; got {validation!r}.')
    return check_crop_size(crop_size, size, size)


def _check_apart(image_dir: Path, output_dir: Path) -> None:
    """Refuses to write a dataset among the images, where the next reader would take it for a class."""
    home, target = image_dir.resolve(), output_dir.resolve()
    if home == target or home in target.parents:
        raise DataSetError(
            f"output_dir must be outside image_dir; got {sanitize(output_dir)} in {sanitize(image_dir)}. Choose a "
            "directory next to it."
        )


def _assign_parts(
    layout: Layout, validation: str, test_fraction: float, seed: int
) -> tuple[dict[str, Files], list[str]]:
    """Returns the files of each split, and a line about where each split comes from."""
    parts = {part: _with_labels(found) for part, found in layout.images.items()}
    origins = {part: sanitize(directory) for part, directory in layout.directories.items()}
    if "validation" in parts and validation == "train":
        (paths, labels), (more, more_labels) = parts["train"], parts.pop("validation")
        parts["train"] = paths + more, np.concatenate([labels, more_labels])
        origins["train"] += f" and {origins.pop('validation')}"
    elif "validation" in parts and "test" not in parts:
        parts["test"] = parts.pop("validation")
        origins["test"] = f"{origins.pop('validation')}, because there is no test part"
    if "test" not in parts:
        paths, labels = parts["train"]
        chosen = _test_mask(labels, layout.classes, test_fraction, np.random.default_rng(seed))
        parts = parts | {"train": _part(paths, labels, ~chosen), "test": _part(paths, labels, chosen)}
        origins["test"] = f"{100 * test_fraction:g} % of each class of these images, chosen at random"
    return parts, [f"{split}: {origins[split]}" for split in SPLITS if split in parts]


def _with_labels(by_class: list[list[Path]]) -> Files:
    """Returns the image files of all classes, and their labels, int[N]."""
    counts = [len(paths) for paths in by_class]
    return [path for paths in by_class for path in paths], np.repeat(np.arange(len(by_class)), counts)


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


def _part(paths: list[Path], labels: np.ndarray, chosen: np.ndarray) -> Files:
    return [path for path, here in zip(paths, chosen, strict=True) if here], labels[chosen]
