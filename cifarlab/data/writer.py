"""Write the records and the description of a custom dataset: all of it, or nothing."""

import dataclasses
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cifarlab.data.dataset import DESCRIPTION, SPLITS, DataSet, DataSetError
from cifarlab.data.duplicates import count_moved, describe_duplicates, find_duplicates, without
from cifarlab.data.image_parts import image_in
from cifarlab.data.records import write_batches
from cifarlab.data.registry import SOURCES
from cifarlab.data.summary import class_table
from cifarlab.files import as_path
from cifarlab.text import counted, sanitize

Batches = Iterable[tuple[np.ndarray, np.ndarray]]
"""Images, uint8[n, rows, columns, channels], and labels, int[n]."""

WriteProgress = Callable[[int, int | None], None]
"""Called with the number of images written so far, and how many there are in all, None if that is not known."""

Counts = dict[str, np.ndarray]
"""The number of images per class, int64[num_classes], by split."""

_PROGRESS_INTERVAL_S = 0.1


def given_path(argument: str, path: str | os.PathLike | None) -> Path:
    """Returns a path that a user passed.

    Raises:
        DataSetError: it is missing, empty, such as an unset variable of a shell, or no file system allows it.
    """
    if not isinstance(path, str | os.PathLike):
        raise DataSetError(f"{argument} must be the path of a directory; got {sanitize(repr(path))[:80]}. Pass a path.")
    text = os.fspath(path)
    if not text:
        raise DataSetError(f"{argument} must be the path of a directory; got an empty one. Pass . for this directory.")
    try:
        os.stat(text)
    except OSError:
        pass  # whether it exists is checked where it matters
    except ValueError:
        raise DataSetError(f"{argument} must be a path that can exist; got {sanitize(text)}. Correct it.") from None
    return as_path(path)


def check_output_dir(output_dir: Path) -> None:
    """Creates the directory of a custom dataset if needed, and checks that a dataset can be written to it.

    Raises:
        DataSetError: it is called like a built-in dataset, is not a writable directory, or contains files with the
            names of a dataset's files that are not part of one.
    """
    name, shown = output_dir.name, sanitize(output_dir)
    if name.strip().casefold() in SOURCES:
        raise DataSetError(
            f"output_dir must not be called {sanitize(name)}, because --dataset {name.strip().casefold()} means the "
            "built-in dataset. Choose another name."
        )
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=output_dir):
            pass
    except OSError as error:
        raise DataSetError(
            f"output_dir must be a writable directory; {shown} is not ({error.strerror}). Choose another one."
        ) from None
    description = output_dir / DESCRIPTION
    foreign = [file for file in (f"{split}.bin" for split in SPLITS) if (output_dir / file).exists()]
    if description.exists():
        try:
            DataSet.read_description(description)
        except DataSetError:
            foreign = [DESCRIPTION]
        else:
            foreign = []
    if not description.exists() and (image := image_in(output_dir)):
        raise DataSetError(
            f"output_dir must be a directory without images; {shown} has some, such as {sanitize(image)}. Choose "
            "another one."
        )
    if foreign:
        raise DataSetError(
            f"output_dir must be new, empty or the directory of a dataset to replace; {shown} contains {foreign[0]}, "
            "which does not belong to a dataset of cifarlab. Choose another one, or move that file away."
        )


def check_crop_size(crop_size: int | None, rows: int, columns: int) -> int:
    """Returns the crop size, by default three quarters of the image size; raises `DataSetError` if it is too large."""
    size = max(1, min(rows, columns) * 3 // 4) if crop_size is None else crop_size
    if isinstance(size, bool) or not isinstance(size, int | np.integer) or not 1 <= size <= min(rows, columns):
        raise DataSetError(f"crop_size must be from 1 to the image size, {rows} x {columns}; got {size}.")
    return int(size)


def write_dataset(
    output_dir: str | os.PathLike,
    train: Batches,
    test: Batches,
    classes: Sequence[str],
    crop_size: int | None,
    *,
    validation: Batches | None = None,
    remove_duplicates: bool = False,
    summarize: Callable[[Counts], list[str]] | None = None,
    progress: WriteProgress | None = None,
    total: int | None = None,
) -> DataSet:
    """Writes a dataset. An existing one in the directory is replaced only when the new one is complete.

    Args:
        output_dir: the directory to write; its name becomes the dataset's name.
        train: batches of training images.
        test: batches of test images.
        classes: the class names.
        crop_size: rows and columns that the network sees; by default three quarters of the image size.
        validation: batches of validation images, if any.
        remove_duplicates: leave out training images that also occur in the test or validation images.
        summarize: returns the lines of the summary for the number of images of each class in each split, or raises an
            error, so that nothing is written. By default, the summary is a table.
        progress: called with the number of images written so far and `total`, at most ten times per second.
        total: the number of images in all splits, if it is known.

    Raises:
        DataSetError: the directory or the images cannot be used; the message says why.
    """
    output_dir = given_path("output_dir", output_dir).resolve()
    check_output_dir(output_dir)
    parts = {"train": train, "validation": validation, "test": test}
    with tempfile.TemporaryDirectory(prefix=".making-", dir=output_dir) as scratch:
        shape, files = _write_records(Path(scratch), parts, _throttled(progress, total))
        crop_size = check_crop_size(crop_size, *shape[:2])
        made = DataSet(
            output_dir.name,
            tuple(map(str, classes)),
            (files["train"],),
            (files["test"],),
            shape,
            crop_size,
            (files["validation"],) if validation is not None else (),
        )
        made.validate()
        duplicates = _handle_duplicates(made, remove_duplicates)
        counts = {split: made.class_counts(split) for split in files}
        lines = class_table(made.classes, counts) if summarize is None else summarize(counts)
        replaced = _describe_replaced(output_dir, made)
        made.save_description(Path(scratch, DESCRIPTION))
        for file in (*files.values(), Path(scratch, DESCRIPTION)):
            file.replace(output_dir / file.name)
    for split in set(SPLITS) - files.keys():  # of the dataset that was replaced
        (output_dir / f"{split}.bin").unlink(missing_ok=True)
    written = DataSet.read_description(output_dir / DESCRIPTION)
    return dataclasses.replace(written, summary="\n".join([*lines, *replaced, duplicates]))


def _describe_replaced(output_dir: Path, made: DataSet) -> list[str]:
    """Returns lines about the dataset that will be replaced, if there is one, and about images that change sides."""
    if not (output_dir / DESCRIPTION).exists():
        return []
    old = DataSet.read_description(output_dir / DESCRIPTION)
    names = ", ".join(old.classes[:5]) + ", ..." * (len(old.classes) > 5)
    lines = [f"Replaced the dataset that was there, with the classes {names}."]
    moved = count_moved(old, made)
    if moved.to_train or moved.to_test:
        lines.append(
            f"Since then, {counted(moved.to_train, 'image')} moved from test to training, and "
            f"{counted(moved.to_test, 'image')} from training to test. Train a new run: an earlier one would be "
            "evaluated on images that it was trained on."
        )
    return lines


def _throttled(progress: WriteProgress | None, total: int | None) -> Callable[[int], None]:
    """Returns a function that counts images and reports their number, at most ten times per second."""
    done, reported = 0, -_PROGRESS_INTERVAL_S

    def count(images: int) -> None:
        nonlocal done, reported
        done += images
        if progress and (now := time.monotonic()) - reported >= _PROGRESS_INTERVAL_S:
            reported = now
            progress(done, total)

    return count


def _write_records(
    directory: Path, parts: dict[str, Batches | None], count: Callable[[int], None]
) -> tuple[tuple[int, int, int], dict[str, Path]]:
    """Writes a file of records for each split, and returns the image shape and the files."""
    shapes: set[tuple[int, int, int]] = set()
    files = {split: directory / f"{split}.bin" for split, batches in parts.items() if batches is not None}
    for split, file in files.items():
        if not write_batches(file, _of_one_shape(parts[split] or (), shapes, count)):
            raise DataSetError(f"expected at least one {split} image; got none.")
    return shapes.pop(), files


def _of_one_shape(
    batches: Batches, shapes: set[tuple[int, int, int]], count: Callable[[int], None]
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the batches unchanged, counts them, and adds their image shape, which must be the same, to `shapes`."""
    for images, labels in batches:
        shapes.add(images.shape[1:])
        if len(shapes) > 1:
            raise DataSetError(
                f"all images must have the same rows, columns and channels; got {' and '.join(map(str, shapes))}. "
                "Resize them first."
            )
        yield images, labels
        count(len(labels))


def _handle_duplicates(made: DataSet, remove: bool) -> str:
    """Counts the duplicates between splits, removes them from the training images if wanted, and returns a line."""
    found = find_duplicates(made)
    removed = remove and bool(found.in_training.any())
    if removed:
        before, (file,) = made.class_counts("train"), made.train_files
        if found.in_training.all() or not write_batches(file, without(made, "train", found.in_training)):
            raise DataSetError("remove_duplicates must leave training images; all of them also occur elsewhere.")
        emptied = (before > 0) & (made.class_counts("train") == 0)
        if emptied.any():
            raise DataSetError(
                f"remove_duplicates must leave training images of each class; all those of "
                f"{made.classes[int(emptied.argmax())]} also occur in the test or validation images. Add others."
            )
    return describe_duplicates(found, made, removed)
