"""Read and write CIFAR-10's fixed-length binary records. Needs only NumPy.

A record is one label byte followed by the image's planes: all red values, then green, then blue, each plane row by
row. A file is a sequence of records without a header.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from cifarlab.errors import UserError
from cifarlab.files import atomic_write
from cifarlab.text import counted, sanitize

IMAGE_SHAPE = (32, 32, 3)
"""Rows, columns and channels of a CIFAR-10 image."""

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
"""CIFAR-10's class names; a label is an index into this tuple."""

TRAIN_FILES = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
"""CIFAR-10's files of training records."""

TEST_FILES = ("test_batch.bin",)
"""CIFAR-10's file of test records."""

MAX_CLASSES = 256
"""The largest number of classes: a record stores its label in one byte."""

_CHUNK_RECORDS = 1_000  # records in memory at a time; fewer if they are large
_CHUNK_BYTES = 1 << 24


class RecordError(UserError):
    """A file or an array that does not contain complete, valid records."""


def record_bytes(image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> int:
    """Returns the length of a record in bytes: one for the label and one per value of the image.

    >>> record_bytes()
    3073
    """
    rows, columns, channels = image_shape
    return 1 + rows * columns * channels


def read_record(
    record: bytes, image_shape: tuple[int, int, int] = IMAGE_SHAPE, num_classes: int = 10
) -> tuple[np.ndarray, int]:
    """Splits one record into its image and label.

    Args:
        record: `record_bytes(image_shape)` bytes (3,073 for CIFAR-10): label, then the red, green and blue planes.
        image_shape: rows, columns and channels of the image.
        num_classes: the number of classes; labels must be from 0 to `num_classes - 1`.

    Returns:
        image: uint8[32, 32, 3], rows x columns x RGB, 0-255.
        label: int in 0-9.

    Raises:
        RecordError: the record has the wrong length, or its label is out of range.

    >>> image, label = read_record(bytes([7]) + bytes(3072))
    >>> image.shape, label
    ((32, 32, 3), 7)
    """
    expected = record_bytes(image_shape)
    if len(record) != expected:
        raise RecordError(f"a record must have {expected:,} bytes; got {len(record):,}. Pass exactly one record.")
    images, labels = _split(np.frombuffer(record, np.uint8).reshape(1, -1), image_shape)
    _check_labels(labels, num_classes, "the record")
    return images[0], int(labels[0])


def read_records(
    path: str | os.PathLike, image_shape: tuple[int, int, int] = IMAGE_SHAPE, num_classes: int = 10
) -> tuple[np.ndarray, np.ndarray]:
    """Reads all records of a file at once.

    Args:
        path: a file of records, such as `data_batch_1.bin`.
        image_shape: rows, columns and channels of an image.
        num_classes: the number of classes; labels must be from 0 to `num_classes - 1`.

    Returns:
        images: uint8[N, 32, 32, 3], rows x columns x RGB, 0-255.
        labels: int32[N] in 0-9.

    Raises:
        FileNotFoundError: there is no such file.
        RecordError: the file size is zero or not a multiple of the record length, or a label is out of range.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.bin"
    >>> write_records(path, np.zeros([2, 32, 32, 3], np.uint8), [3, 8])
    >>> images, labels = read_records(path)
    >>> images.shape, labels.tolist()
    ((2, 32, 32, 3), [3, 8])
    """
    images, labels = zip(*read_batches(path, image_shape, num_classes), strict=True)
    return np.concatenate(images), np.concatenate(labels)


def read_batches(
    path: str | os.PathLike, image_shape: tuple[int, int, int] = IMAGE_SHAPE, num_classes: int = 10
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Reads the records of a file as `read_records` does, but yields 1,000 at a time (fewer if they are large)."""
    path, length = Path(path), record_bytes(image_shape)
    count_records(path, image_shape)
    with path.open("rb") as file:
        while block := file.read(_block_bytes(length)):
            images, labels = _split(np.frombuffer(block, np.uint8).reshape(-1, length), image_shape)
            _check_labels(labels, num_classes, sanitize(path.name))
            yield images, labels


def read_labels(path: str | os.PathLike, image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> np.ndarray:
    """Reads the labels of a file of records, int32[N]; keeps only a few megabytes of images in memory at a time."""
    count_records(Path(path), image_shape)
    length = record_bytes(image_shape)
    labels = []
    with open(path, "rb") as file:
        while block := file.read(_block_bytes(length)):
            labels.append(np.frombuffer(block, np.uint8)[::length].astype(np.int32))  # a copy: a view keeps the block
    return np.concatenate(labels)


def count_records(path: Path, image_shape: tuple[int, int, int] = IMAGE_SHAPE) -> int:
    """Returns the number of records in a file, computed from its size.

    Raises:
        FileNotFoundError: there is no such file.
        RecordError: the size is zero or not a multiple of the record length.
    """
    size, length = Path(path).stat().st_size, record_bytes(image_shape)
    if size == 0 or size % length:
        raise RecordError(
            f"file size must be a positive multiple of {length:,} bytes, the length of a record; "
            f"{sanitize(Path(path).name)} has {counted(size, 'byte')}. The file is probably truncated: run "
            f"`cifarlab data` with "
            "the dataset's name and --force, or create your own dataset again."
        )
    return size // length


def write_records(path: str | os.PathLike, images: np.ndarray, labels: np.ndarray) -> None:
    """Writes images and labels to a file of records, atomically.

    Args:
        path: the file to write; an existing one is replaced.
        images: uint8[N, rows, columns, channels], 0-255.
        labels: integers [N], each in 0-255.

    Raises:
        RecordError: a dtype, shape or label does not fit into records.
    """
    write_batches(path, [(images, labels)])


def write_batches(path: str | os.PathLike, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> int:
    """Writes batches of images and labels as `write_records` does, and returns the number of records.

    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "five.bin"
    >>> write_batches(path, ((np.zeros([n, 32, 32, 3], np.uint8), np.arange(n)) for n in (2, 3)))
    5
    """
    count = 0
    with atomic_write(Path(path), "wb") as file:
        for images, labels in batches:
            rows = _rows(np.asarray(images), np.asarray(labels))
            rows.tofile(file)
            count += len(rows)
    return count


def _block_bytes(length: int) -> int:
    """Returns the bytes to read at a time: a multiple of the record length."""
    return max(1, min(_CHUNK_RECORDS, _CHUNK_BYTES // length)) * length


def _rows(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Converts uint8[N, rows, columns, channels] and integers[N] to records, uint8[N, record bytes]."""
    if images.dtype != np.uint8 or images.ndim != 4:
        raise RecordError(f"images must be uint8[N, rows, columns, channels]; got {images.dtype}{list(images.shape)}.")
    if labels.shape != images.shape[:1] or not np.issubdtype(labels.dtype, np.integer):
        raise RecordError(f"labels must be integers[{len(images)}]; got {labels.dtype}{list(labels.shape)}.")
    _check_labels(labels, 256, "the array")
    planes = images.transpose(0, 3, 1, 2).reshape(
        len(images), record_bytes(images.shape[1:]) - 1
    )  # [N, rows, columns, RGB] -> [N, planes]
    return np.concatenate([labels.astype(np.uint8)[:, None], planes], axis=1)


def _split(rows: np.ndarray, image_shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Converts records, uint8[N, record bytes], to uint8[N, rows, columns, channels] and int32[N]."""
    height, width, channels = image_shape
    planes = rows[:, 1:].reshape(-1, channels, height, width)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1)), rows[:, 0].astype(np.int32)


def _check_labels(labels: np.ndarray, num_classes: int, where: str) -> None:
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if wrong.size:
        raise RecordError(
            f"labels must be from 0 to {num_classes - 1}; record {wrong[0]:,} of {where} has {labels[wrong[0]]} "
            f"({counted(wrong.size, 'such record')} in all). Either the file does not contain records of this "
            f"shape, or the "
            "dataset has more classes than names."
        )
