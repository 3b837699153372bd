"""Read TensorFlow datasets once, whatever the form of their elements, into files of uint8 images.

The axes and the range of the values are those of the first images; others that contradict them are refused.
"""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cifarlab.data.arrays import as_images, orient
from cifarlab.data.class_labels import label_values
from cifarlab.data.dataset import DataSetError
from cifarlab.data.tf_splits import check_finite, check_split
from cifarlab.data.value_ranges import Range, Values, check_within, find_range, measure, to_bytes
from cifarlab.text import counted, display_name, sanitize

if TYPE_CHECKING:
    import tensorflow as tf

ReadProgress = Callable[[int, int | None], None]
"""Called with the number of images read so far, and with their total number if it is known."""

_FORMS = ("NHWC", "NCHW", "NHW")  # batches are the first axis
_CHUNK_SIZE = 500  # images in memory at a time
_PROGRESS_INTERVAL_S = 1.0  # between calls of the callback
_FREE_BYTES = 1 << 26  # 64 MiB of the disk that stay free
_IMAGE_KEYS, _LABEL_KEYS = ("image", "images"), ("label", "labels")
_RESIZE = "Resize them first: dataset.map(lambda image, label: (tf.image.resize(image, [32, 32]), label))"
_ONE_RANGE = "Convert all images to one range, or pass the values of black and white as value_range."


class Part(NamedTuple):
    """The images of one part, in a file, and their labels.

    Attributes:
        file: the images, uint8[N, rows, columns, channels].
        shape: rows, columns and channels of an image.
        labels: as `label_values` returns them.
    """

    file: Path
    shape: tuple[int, int, int]
    labels: np.ndarray

    def batches(self, labels: np.ndarray, order: np.ndarray | None = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yields the images with the given labels, int[N], instead of the original ones; in another order if given."""
        images = np.memmap(self.file, np.uint8, "r", shape=(len(labels), *self.shape))
        for start in range(0, len(labels), _CHUNK_SIZE):
            places = slice(start, start + _CHUNK_SIZE) if order is None else order[start : start + _CHUNK_SIZE]
            yield np.array(images[places]), labels[places]


def read_datasets(
    train: "tf.data.Dataset",
    test: "tf.data.Dataset",
    directory: Path,
    *,
    axes: str | None = None,
    value_range: Range | None = None,
    progress: ReadProgress | None = None,
) -> tuple[Part, Part]:
    """Reads two datasets, each once, and writes their images to files in a directory.

    Args:
        train: finite; yields (image, label) or a dictionary of both, or batches of them.
        test: yields the test images in the same form.
        directory: an existing directory for the two files.
        axes: the order of axes as letters; by default, the only one that fits the first images.
        value_range: the values of black and white; by default, the only common range that fits the first images.
        progress: called about once per second with the number of images read so far, and at the end.

    Raises:
        DataSetError: a dataset is infinite or empty or has other elements, or its images differ in size or range, or
            both are parts of one dataset that is shuffled again for each, or the disk would be full.
    """
    parts = {"train": train, "test": test}
    for name, dataset in parts.items():
        check_elements(dataset, name)
        check_finite(dataset, name)
    check_split(train, test)
    reader = _Reader(directory, axes, value_range, progress)
    reader.total = _total(train, test)
    read = [reader.read(dataset, name) for name, dataset in parts.items()]
    reader.check_parts()
    return read[0], read[1]


class _Reader:
    """Reads all images in the way that the first ones show."""

    def __init__(
        self, directory: Path, axes: str | None, value_range: Range | None, progress: ReadProgress | None
    ) -> None:
        self.directory, self.axes, self.value_range = directory, axes, value_range
        self.progress = progress or (lambda count, total: None)
        self.limits: Range | None = None  # the range of the values, once it is known
        self.shape: tuple[int, ...] | None = None
        self.seen: dict[str, Values] = {}  # by part
        self.count = self.bytes = 0  # of both parts
        self.total: int | None = None  # images of both parts

    def read(self, dataset: "tf.data.Dataset", name: str) -> Part:
        """Reads one part."""
        file, labels, before, reported = self.directory / f"{name}.images", [], self.count, time.monotonic()
        with file.open("wb") as out:
            for images, some in _in_chunks(_in_batches(dataset, name)):
                pixels = self.convert(images, len(some), name, self.count - before)
                self.check_space(pixels.nbytes, name)
                pixels.tofile(out)
                labels.append(some)
                self.count += len(some)
                if time.monotonic() - reported >= _PROGRESS_INTERVAL_S:
                    reported = time.monotonic()
                    self.progress(self.count, self.total)
        if not labels or self.shape is None:
            raise DataSetError(f"expected at least one {name} image; got none.")
        self.progress(self.count, self.count if name == "test" else self.total)
        (rows, columns, channels), every = self.shape, np.concatenate(labels)
        return Part(file, (rows, columns, channels), label_values(every, f"{name} labels", single=len(every) == 1))

    def convert(self, images: np.ndarray, count: int, name: str, start: int) -> np.ndarray:
        """Returns images as uint8[N, rows, columns, channels]."""
        what = f"{name} images"
        images, self.axes = orient(as_images(images, what), count, self.axes, what, forms=_FORMS)
        self.shape = self.shape or images.shape[1:]
        if images.shape[1:] != self.shape:
            raise DataSetError(
                f"all images must have the same rows, columns and channels; got {self.shape} and {images.shape[1:]}. "
                f"{_RESIZE}."
            )
        values = measure(images, what, start)
        if self.limits is None:
            if values.dtype.kind == "f" and values.low == values.high == 0 and self.value_range is None:
                raise DataSetError(
                    f"the range of the pixels must be known; there are only zeros in the first "
                    f"{counted(count, 'image')}. Pass the "
                    "values of black and white, such as value_range=(0, 1) or value_range=(0, 255)."
                )
            self.limits = find_range({what: values}, self.value_range)
        check_within(values, self.limits, f"{what} from image {start:,} on", _ONE_RANGE)
        self.seen[name] = self.seen[name].join(values) if name in self.seen else values
        return to_bytes(images, self.limits)

    def check_space(self, size: int, name: str) -> None:
        """Refuses images that do not fit on the disk together with the records, which take the same space again."""
        self.bytes += size
        free = shutil.disk_usage(self.directory).free
        if free < self.bytes + size + _FREE_BYTES:
            raise DataSetError(
                f"{name} must fit on the disk; after {counted(self.count, 'image')}, {free / 1e9:.1f} GB are "
                f"free. If it should "
                "have fewer images, it may repeat: add .take(n). Otherwise free some space."
            )

    def check_parts(self) -> None:
        """Checks that the values of both parts have the same range."""
        if self.value_range is None:
            find_range({f"{name} images": values for name, values in self.seen.items()})


def check_elements(dataset: "tf.data.Dataset", name: str) -> None:
    """Checks the type of a dataset and of its elements, before any of them is read.

    Raises:
        DataSetError: it does not yield images and labels.
    """
    if not hasattr(dataset, "element_spec"):
        arrays = " For arrays, use from_arrays." if hasattr(dataset, "__array__") or isinstance(dataset, tuple) else ""
        raise DataSetError(f"{name} must be a tf.data.Dataset of (image, label); got {_kind(dataset)}.{arrays}")
    image, _ = _components(dataset.element_spec, name)
    if hasattr(image, "ragged_rank") or not hasattr(image, "dtype") or not hasattr(image, "shape"):
        raise DataSetError(f"{name} images must be arrays of one size; got {type(image).__name__}. {_RESIZE}.")
    if image.shape.rank is not None and image.shape.rank > 4:
        raise DataSetError(
            f"{name} images must be [rows, columns, channels] or batches of them; got {image.shape}. Call batch once."
        )
    if image.dtype.name == "string":
        raise DataSetError(
            f"{name} images must be numbers; got text. Read them first: dataset.map(lambda path, label: "
            "(tf.io.decode_image(tf.io.read_file(path), 3, expand_animations=False), label))."
        )


def _components(element: Any, name: str) -> tuple[Any, Any]:
    """Returns the image and the label of an element, or of its description."""
    if isinstance(element, Mapping):
        images, labels = ([key for key in keys if key in element] for keys in (_IMAGE_KEYS, _LABEL_KEYS))
        if len(images) == len(labels) == 1:
            return element[images[0]], element[labels[0]]
        got = f"a dictionary of {', '.join(map(display_name, element))}"
        example = 'dataset.map(lambda element: (element["..."], element["..."]))'
    elif isinstance(element, tuple | list):
        if len(element) == 2:
            return element[0], element[1]
        got = f"{counted(len(element), 'value')}. Weights are not used"
        example = "dataset.map(lambda image, label, *others: (image, label))"
    else:
        got, example = "other elements, without labels", "tf.data.Dataset.zip((images, labels))"
    raise DataSetError(f"{name} must be a tf.data.Dataset of (image, label); it has {got}. Convert it: {example}.")


def _in_batches(dataset: "tf.data.Dataset", name: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images and labels in batches of any size, including 1.

    Raises:
        DataSetError: an element cannot be computed, such as that of a damaged image.
    """
    from cifarlab.backend import tf

    specs, at_once = _components(dataset.element_spec, name), 1
    if all(spec.shape.is_fully_defined() for spec in specs) and not _is_batched(*(spec.shape for spec in specs)):
        dataset, at_once = dataset.batch(_CHUNK_SIZE), _CHUNK_SIZE
        specs = _components(dataset.element_spec, name)
    count, elements = 0, iter(dataset)
    while True:
        try:
            element = next(elements, None)
        except tf.errors.OpError as error:
            raise _unreadable(error, name, count, at_once) from error
        if element is None:
            return
        parts = [np.asarray(part.numpy()) for part in _components(element, name)]
        known = [part.shape if spec.shape.rank is None else spec.shape for spec, part in zip(specs, parts, strict=True)]
        batched = _is_batched(*map(list, known))
        yield (parts[0], parts[1]) if batched else (parts[0][None], parts[1][None])
        count += len(parts[1]) if batched else 1


def _unreadable(error: Exception, name: str, count: int, at_once: int) -> DataSetError:
    """Returns an error in one line about a dataset that fails after a number of images, which are read in batches."""
    text, *trace = str(getattr(error, "message", error)).split("Traceback (most recent call last)")
    text = re.sub(
        r"\{\{.*?\}\}|Error in user-defined function .*? with iterator: \S+", "", " ".join(text.split())
    ).strip()
    where = (
        f"after {counted(count, 'image')}" if at_once == 1 else f"among the images {count:,} to {count + at_once - 1:,}"
    )
    advice = "Repair the cause, or skip such images with dataset.ignore_errors()"
    if trace:  # raised by the user's Python code; a generator has ended with it
        advice = "Correct the Python code that reads it"
    return DataSetError(f"{name} must be readable; it fails {where}: {sanitize(text)[:300].rstrip('.')}. {advice}.")


def _is_batched(image: Sequence[int | None], label: Sequence[int | None]) -> bool:
    """Returns whether elements of these shapes are batches, rather than one image and one label."""
    if len(image) == 4 or len(label) == 2:
        return True
    return len(image) in (2, 3) and len(label) == 1 and label[0] in (None, image[0])


def _in_chunks(batches: Iterator[tuple[np.ndarray, np.ndarray]]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Joins small batches to chunks of at least 500 images, so that the first one is representative."""
    held: list[tuple[np.ndarray, np.ndarray]] = []
    for images, labels in batches:
        for other in [part for part in held[:1] if part[0].shape[1:] != images.shape[1:]]:
            raise DataSetError(
                f"all images must have the same rows, columns and channels; got {list(other[0].shape[1:])} and "
                f"{list(images.shape[1:])}. {_RESIZE}."
            )
        held.append((images, labels))
        if sum(len(labels) for _, labels in held) >= _CHUNK_SIZE:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def is_sorted_by_class(labels: np.ndarray) -> bool:
    """Returns whether images of one class follow each other much longer than in random order.

    >>> is_sorted_by_class(np.repeat([0, 1, 2], 100)), is_sorted_by_class(np.arange(300) % 3)
    (True, False)
    """
    shares = np.unique(labels, return_counts=True)[1] / max(len(labels), 1)
    changes = np.count_nonzero(labels[1:] != labels[:-1])
    few = max(len(shares), 0.1 * (len(labels) - 1) * (1 - (shares**2).sum()))  # of the changes in random order
    return bool(changes < few and len(labels) > 2 * len(shares))


def _total(*datasets: "tf.data.Dataset") -> int | None:
    """Returns the number of images, or None if it is unknown, as for batches."""
    total = 0
    for dataset in datasets:
        specs, count = _components(dataset.element_spec, "dataset"), int(dataset.cardinality())
        if count < 0 or any(spec.shape.rank is None for spec in specs) or _is_batched(*(spec.shape for spec in specs)):
            return None
        total += count
    return total


def _joined(parts: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


def _kind(value: object) -> str:
    return display_name(type(value).__name__)
