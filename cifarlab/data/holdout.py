"""Training pictures held out, so that choices are made on them and the test pictures are looked at once."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.records import read_batches, write_batches


def hold_out(dataset: DataSet, folder: str | os.PathLike, examples: int) -> DataSet:
    """The training pictures alone, the last so many of them in the place of the test pictures.

    A tail and no random draw: where neighbours are alike, as the digits of one photo are in SVHN, a draw would leave
    one of a pair on each side, and what was learnt by heart would pass for understood.

    Args:
        dataset: whose training pictures to part.
        folder: where the two files of records go; made if need be, and a data set of its own from then on.
        examples: that are held out; at least one, and not all.

    Raises:
        DataSetError: the data set has no more training pictures than that, or it lies in that folder itself.

    >>> import tempfile
    >>> from cifarlab.data.registry import load
    >>> held = hold_out(load("drawn"), tempfile.mkdtemp(), 1_000)
    >>> held.name, held.num_examples("train"), held.num_examples("test")
    ('drawn_held_out', 9000, 1000)
    """
    there = dataset.num_examples("train")
    if not 0 < examples < there:
        raise DataSetError(f"of {there:,} training pictures 1 to {there - 1:,} can be held out; got {examples:,}.")
    folder = Path(folder).resolve()
    train, held = folder / "train.bin", folder / "held_out.bin"
    if {train, held} & {file.resolve() for file in dataset.train_files + dataset.test_files}:
        raise DataSetError(f"the parts of {dataset.name} want a folder of their own; {folder} is where its files lie.")
    folder.mkdir(parents=True, exist_ok=True)
    write_batches(train, _records(dataset, 0, there - examples))
    write_batches(held, _records(dataset, there - examples, there))
    parted = dataclasses.replace(dataset, name=f"{dataset.name}_held_out", train_files=(train,), test_files=(held,))
    parted.save_description(folder / DESCRIPTION)
    return parted


def _records(dataset: DataSet, first: int, end: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The training records from `first` up to `end`, a batch at a time."""
    start = 0
    for file in dataset.train_files:
        for images, labels in read_batches(file, dataset.image_shape, dataset.num_classes):
            part = slice(max(first - start, 0), max(end - start, 0))
            yield images[part], labels[part]
            start += len(labels)
