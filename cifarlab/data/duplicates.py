"""Find identical images in different splits of a dataset, where they make a test too easy."""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from cifarlab.data.dataset import DataSet
from cifarlab.data.records import RecordError, read_batches
from cifarlab.text import counted

_HASH_BYTES = 16


class Duplicates(NamedTuple):
    """Images that occur in several splits, identical to the last byte.

    Attributes:
        in_training: bool[N], which of the N training images also occur in the test or validation images.
        test: the number of test images that also occur in the training images.
        validation: the number of validation images that also occur in the training images.
        other_class: how many of these test and validation images have another class there.
        test_in_validation: the number of test images that also occur in the validation images.
    """

    in_training: np.ndarray
    test: int
    validation: int
    other_class: int
    test_in_validation: int


def find_duplicates(dataset: DataSet) -> Duplicates:
    """Finds images that occur in several splits; keeps 16 bytes of each test and validation image in memory.

    >>> from cifarlab.data.registry import load
    >>> found = find_duplicates(load("drawn"))
    >>> found.test, len(found.in_training)
    (0, 10000)
    """
    held = {split: list(_hashes(dataset, split)) for split in ("test", "validation")}
    sought = {image for pairs in held.values() for image, _ in pairs}
    classes: dict[bytes, set[int]] = {}  # of the training images with these hashes
    in_training = []
    for image, label in _hashes(dataset, "train"):
        in_training.append(image in sought)
        if image in sought:
            classes.setdefault(image, set()).add(label)
    counts = {split: sum(image in classes for image, _ in pairs) for split, pairs in held.items()}
    other = sum(bool(classes.get(image, set()) - {label}) for pairs in held.values() for image, label in pairs)
    validation = {image for image, _ in held["validation"]}
    both = sum(image in validation for image, _ in held["test"])
    return Duplicates(np.array(in_training, bool), counts["test"], counts["validation"], other, both)


class Moved(NamedTuple):
    """Images that were in one split of a dataset and are in another one of its successor.

    Attributes:
        to_train: the number of training images that were only test images before.
        to_test: the number of test images that were only training images before.
    """

    to_train: int
    to_test: int


def count_moved(old: DataSet, new: DataSet) -> Moved:
    """Counts the images that move between training and test if one dataset replaces another one.

    Images of another size differ in all bytes; so do those of a dataset whose files are missing or damaged.
    """
    try:
        train, test = ({image for image, _ in _hashes(old, split)} for split in ("train", "test"))
    except (OSError, RecordError):
        return Moved(0, 0)
    was_test, was_train = test - train, train - test
    return Moved(
        sum(image in was_test for image, _ in _hashes(new, "train")),
        sum(image in was_train for image, _ in _hashes(new, "test")),
    )


def describe_duplicates(found: Duplicates, dataset: DataSet, removed: bool) -> str:
    """Returns one line about the duplicates in a dataset, and whether they were removed from the training images."""
    parts = [f"{found.test:,} of {dataset.num_examples('test'):,} test images"]
    if dataset.validation_files:
        parts.append(f"{found.validation:,} of {dataset.num_examples('validation'):,} validation images")
    line = f"Duplicates: {' and '.join(parts)} also in the training images"
    if found.other_class:
        line += f", {found.other_class:,} of them in another class"
    if removed:
        line += f"; {counted(int(found.in_training.sum()), 'training image')} left out"
    elif found.test or found.validation:
        line += "; remove_duplicates=True (--remove-duplicates) removes them there"
    if found.test_in_validation:
        line += f"; {counted(found.test_in_validation, 'test image')} also in the validation images"
    return f"{line}."


def without(dataset: DataSet, split: str, left_out: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the images and labels of a split in batches, without those marked in `left_out`, bool[N]."""
    start = 0
    for file in dataset.files(split):
        for images, labels in read_batches(file, dataset.image_shape, dataset.num_classes):
            kept = ~left_out[start : start + len(labels)]
            yield images[kept], labels[kept]
            start += len(labels)


def _hashes(dataset: DataSet, split: str) -> Iterator[tuple[bytes, int]]:
    """Yields a hash of each image's pixels, and its label."""
    for file in dataset.files(split):
        for images, labels in read_batches(file, dataset.image_shape, dataset.num_classes):
            for image, label in zip(images, labels.tolist(), strict=True):
                yield hashlib.blake2b(image, digest_size=_HASH_BYTES).digest(), label
