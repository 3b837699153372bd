"""Hold out training images for validation, so that the test images are used only for the final evaluation."""

import dataclasses
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.records import read_batches, write_batches
from cifarlab.data.writer import check_output_dir, given_path
from cifarlab.text import counted


def hold_out(dataset: DataSet, output_dir: str | os.PathLike, examples: int) -> DataSet:
    """Splits the training images: the last `examples` of them become the test images of the new dataset.

    The new dataset has no validation images, and it does not contain the test images of `dataset`.

    The split is not random, because adjacent images can be similar, such as digits from the same photo in SVHN. A
    random split would put similar images on both sides, and memorized images would count as correct predictions.

    Args:
        dataset: the dataset whose training images to split.
        output_dir: the directory for the two record files and the description; created if needed. It can be loaded
            as a custom dataset.
        examples: the number of images to hold out; at least one, but not all.

    Raises:
        DataSetError: `examples` is out of range, or `output_dir` cannot be used or contains the files of `dataset`.

    >>> import tempfile
    >>> from cifarlab.data.registry import load
    >>> held = hold_out(load("drawn"), tempfile.mkdtemp(), 1_000)
    >>> held.name, held.num_examples("train"), held.num_examples("test")
    ('drawn_held_out', 9000, 1000)
    """
    total = dataset.num_examples("train")
    if not 0 < examples < total:
        raise DataSetError(
            f"examples must be from 1 to {total - 1:,} of {counted(total, 'training image')}; got {examples:,}."
        )
    output_dir = given_path("output_dir", output_dir).resolve()
    train, held = output_dir / "train.bin", output_dir / "held_out.bin"
    if {train, held} & {file.resolve() for file in dataset.all_files()}:
        raise DataSetError(
            f"output_dir must not contain the files of {dataset.name}; got {output_dir}. Choose another directory."
        )
    check_output_dir(output_dir)
    with tempfile.TemporaryDirectory(prefix=".making-", dir=output_dir) as scratch:  # an interruption leaves nothing
        parts = {train: (0, total - examples), held: (total - examples, total)}
        for file, (first, end) in parts.items():
            write_batches(Path(scratch, file.name), _records(dataset, first, end))
        for file in parts:
            Path(scratch, file.name).replace(file)
    split = dataclasses.replace(
        dataset,
        name=f"{dataset.name}_held_out",
        train_files=(train,),
        test_files=(held,),
        validation_files=(),
        summary="",
    )
    split.save_description(output_dir / DESCRIPTION)
    return split


def _records(dataset: DataSet, first: int, end: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the training records from `first` to `end` (exclusive) in batches."""
    start = 0
    for file in dataset.train_files:
        for images, labels in read_batches(file, dataset.image_shape, dataset.num_classes):
            part = slice(max(first - start, 0), max(end - start, 0))
            yield images[part], labels[part]
            start += len(labels)
