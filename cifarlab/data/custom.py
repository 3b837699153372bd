"""Custom datasets, from a directory of images, from arrays, or from a TensorFlow dataset.

Each function writes `train.bin`, `test.bin`, perhaps `validation.bin`, and `dataset.json` to a directory and returns a
`DataSet`. Its `summary` says what was understood and whether training and test images are identical. Pass it to
`train` and `evaluate`, or pass the directory as `--dataset DIRECTORY` on the command line. The number of classes, the
image size and the crop size are taken from the dataset everywhere.
"""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cifarlab.data.arrays import as_images, orient
from cifarlab.data.class_labels import encode_labels, label_values
from cifarlab.data.dataset import SPLITS, DataSet, DataSetError
from cifarlab.data.image_layout import Layout, class_key, read_layout
from cifarlab.data.image_reader import Files, ImageReader
from cifarlab.data.random_split import check_test_fraction, choose_test_images, pixel_keys
from cifarlab.data.summary import class_table
from cifarlab.data.tf_datasets import check_elements, is_sorted_by_class, read_datasets
from cifarlab.data.value_ranges import Range, find_range, in_chunks, measure
from cifarlab.data.writer import WriteProgress, check_crop_size, check_output_dir, given_path, write_dataset
from cifarlab.text import display_name, sanitize

if TYPE_CHECKING:
    import tensorflow as tf

_CHUNK_SIZE = 500  # images in memory at a time


def from_folder(
    image_dir: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    size: int = 32,
    crop_size: int | None = None,
    test_fraction: float | None = None,
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
        test_fraction: about this fraction of each class's images become test images if there is no test part; 0.2 by
            default. Each is chosen at random by its name, so you can add images later. Near duplicates, such as frames
            of one video, belong in the same part: split them yourself.
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
    check_test_fraction(test_fraction)
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
    classes: Sequence[str] | Mapping | None = None,
    crop_size: int | None = None,
    test_fraction: float | None = None,
    seed: int = 0,
    axes: str | None = None,
    value_range: Range | None = None,
    remove_duplicates: bool = False,
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
        test_fraction: about this fraction of each class becomes test images if `test` is not given; 0.2 by default.
            Each is chosen at random by its pixels, so you can add images later.
        seed: random seed of that choice and of the order in which the images are written.
        axes: the order of the images' axes: N (images), H (rows), W (columns) and C (channels), such as "NCHW". For
            rows of color values, "NCHW" means three planes, as in CIFAR-10's files, and "NHWC" pixel by pixel.
        value_range: the values of black and white, such as (0, 1).
        remove_duplicates: leave out training images that are identical to test images.

    Raises:
        DataSetError: images or labels have the wrong shape, dtype or values, or can be read in several ways; the
            message says which.

    >>> import tempfile
    >>> images = np.zeros([20, 28, 28], np.uint8)
    >>> dataset = from_arrays(images, np.arange(20) % 4, tempfile.mkdtemp())
    >>> dataset.image_shape, dataset.crop_size, dataset.num_classes
    ((28, 28, 1), 21, 4)
    """
    _check_whole("seed", seed, 0, 2**32)
    fraction = check_test_fraction(test_fraction)
    if test is not None and test_fraction is not None:
        raise DataSetError("test_fraction is for choosing test images; got it with test. Pass one of the two.")
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
        keys = pixel_keys(in_chunks(images, encoded.train, np.arange(len(images)), limits))
        chosen = choose_test_images(keys, codes, [encoded.classes[label] for label in present], fraction, seed)
        held = in_chunks(images, encoded.train, np.flatnonzero(chosen), limits)
    else:
        chosen = np.zeros(len(images), bool)
        held = in_chunks(test_images, encoded.test, np.arange(len(test_images)), limits)
    places = np.flatnonzero(~chosen)
    train = in_chunks(images, encoded.train, places[rng.permutation(len(places))], limits)
    return write_dataset(output_dir, train, held, encoded.classes, crop_size, remove_duplicates=remove_duplicates)


def from_tf_dataset(
    train: "tf.data.Dataset",
    test: "tf.data.Dataset | None" = None,
    output_dir: str | os.PathLike | None = None,
    *,
    classes: Sequence[str] | Mapping | None = None,
    crop_size: int | None = None,
    axes: str | None = None,
    value_range: Range | None = None,
    progress: WriteProgress | None = None,
    remove_duplicates: bool = False,
) -> DataSet:
    """Creates a dataset from two finite TensorFlow datasets, which are read once, in batches.

    Args:
        train: yields (image, label), a dictionary of "image" and "label", or batches of them: images of one size,
            labels as for `from_arrays`. The order is kept, unless it is that of the classes, as the summary says.
        test: yields the test images in the same form. If you have none, split the dataset: `dataset.take(n)` and
            `dataset.skip(n)`.
        output_dir: the directory to write; its name becomes the dataset's name.
        classes: the class names in the order of the labels, or {label: name}; by default the labels themselves.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.
        axes: the order of the images' axes, as for `from_arrays`; by default as in the first images.
        value_range: the values of black and white; by default as in the first images.
        progress: called about once per second with the number of images read so far and of all, or None if that is
            unknown.
        remove_duplicates: leave out training images that are identical to test images.

    Raises:
        DataSetError: a dataset is infinite, empty, or has other elements, or images can be read in several ways, or
            both datasets are parts of one that is shuffled again for each; the message says which.
    """
    check_elements(train, "train")
    check_elements(test, "test")
    output_dir = given_path("output_dir", output_dir).resolve()
    check_output_dir(output_dir)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=output_dir) as scratch:
        parts = read_datasets(train, test, Path(scratch), axes=axes, value_range=value_range, progress=progress)
        encoded = encode_labels(parts[0].labels, parts[1].labels, classes)
        order, notes = None, []
        if is_sorted_by_class(encoded.train):  # the shuffle queue holds only part of an epoch
            order = np.random.default_rng(0).permutation(len(encoded.train))
            notes = ["The training images were sorted by class; they are written in random order."]
        return write_dataset(
            output_dir,
            parts[0].batches(encoded.train, order),
            parts[1].batches(encoded.test),  # type: ignore[arg-type]
            encoded.classes,
            crop_size,
            remove_duplicates=remove_duplicates,
            summarize=lambda counts: [*class_table(encoded.classes, counts), *notes],
        )


def _pair(test: object) -> tuple[Any, Any]:
    """Returns the test images and labels; raises `DataSetError` for anything but two values."""
    if not isinstance(test, tuple | list) or len(test) != 2:
        raise DataSetError("test must be a pair (images, labels); got " + display_name(type(test).__name__) + ".")
    return test[0], test[1]


def _check_settings(size: int, crop_size: int | None, seed: int, validation: str) -> int:
    """Returns the crop size, or raises `DataSetError` for settings of `from_folder` that are out of range."""
    _check_whole("size", size, 1, 4096)
    _check_whole("seed", seed, 0, 2**32)
    if validation not in ("split", "train"):
        raise DataSetError(f'validation must be "split" or "train"; got {validation!r}.')
    return check_crop_size(crop_size, size, size)


def _check_whole(name: str, value: object, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value <= most:
        raise DataSetError(f"{name} must be a whole number from {least} to {most:,}; got {value!r}.")


def _check_apart(image_dir: Path, output_dir: Path) -> None:
    """Refuses to write a dataset among the images, where the next reader would take it for a class."""
    home, target = image_dir.resolve(), output_dir.resolve()
    if home == target or home in target.parents:
        raise DataSetError(
            f"output_dir must be outside image_dir; got {sanitize(output_dir)} in {sanitize(image_dir)}. Choose a "
            "directory next to it."
        )


def _assign_parts(
    layout: Layout, validation: str, test_fraction: float | None, seed: int
) -> tuple[dict[str, Files], list[str]]:
    """Returns the files of each split, and lines about where each split comes from and what had no effect."""
    parts = {part: _with_labels(found) for part, found in layout.images.items()}
    origins = {part: sanitize(directory) for part, directory in layout.directories.items()}
    unused = []
    if validation == "train" and "validation" not in parts:
        unused.append('validation="train" has no effect, because there is no validation part.')
    if "validation" in parts and validation == "train":
        (paths, labels), (more, more_labels) = parts["train"], parts.pop("validation")
        parts["train"] = paths + more, np.concatenate([labels, more_labels])
        origins["train"] += f" and {origins.pop('validation')}"
    elif "validation" in parts and "test" not in parts:
        parts["test"] = parts.pop("validation")
        origins["test"] = f"{origins.pop('validation')}, because there is no test part"
    if "test" not in parts:
        fraction = check_test_fraction(test_fraction)
        paths, labels = parts["train"]
        chosen = choose_test_images(_file_keys(paths, layout), labels, layout.classes, fraction, seed)
        parts = parts | {"train": _part(paths, labels, ~chosen), "test": _part(paths, labels, chosen)}
        origins["test"] = f"about {100 * fraction:g} % of each class of these images, chosen at random by their names"
    elif test_fraction is not None:
        unused.append("test_fraction has no effect, because the test images are those of a part.")
    return parts, [*(f"{split}: {origins[split]}" for split in SPLITS if split in parts), *unused]


def _file_keys(paths: list[Path], layout: Layout) -> list[bytes]:
    """Returns the name of each file with its class's directory, the same on every system and in a moved directory."""
    homes = layout.directories.values()
    names = (next(path.relative_to(home) for home in homes if path.is_relative_to(home)) for path in paths)
    return [class_key(name.as_posix()).encode(errors="surrogateescape") for name in names]


def _with_labels(by_class: list[list[Path]]) -> Files:
    """Returns the image files of all classes, and their labels, int[N]."""
    counts = [len(paths) for paths in by_class]
    return [path for paths in by_class for path in paths], np.repeat(np.arange(len(by_class)), counts)


def _part(paths: list[Path], labels: np.ndarray, chosen: np.ndarray) -> Files:
    return [path for path, here in zip(paths, chosen, strict=True) if here], labels[chosen]
