"""`DataSet`, the description of a dataset and its record files. Needs only NumPy."""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE, RecordError, count_records, read_labels
from cifarlab.errors import UserError
from cifarlab.files import atomic_write_text
from cifarlab.text import sanitize

_MAX_IMAGE_VALUES = 1 << 26  # values per image; larger sizes in a damaged description could exhaust the memory

DESCRIPTION = "dataset.json"
"""The file that describes a dataset, next to its records or in the directory of a run."""

SPLITS = ("train", "validation", "test")
"""The splits of a dataset. Most have no validation images."""


class DataSetError(UserError):
    """An unknown, missing or damaged dataset."""


@dataclasses.dataclass(frozen=True)
class DataSet:
    """A dataset: its classes, image size and record files.

    Attributes:
        name: a short name, as in `--dataset`; sanitized by `text.sanitize`.
        classes: the class names, sanitized; a label is an index into this tuple.
        train_files: the files of training records; empty if only the description is known.
        test_files: the files of test records; empty if only the description is known.
        validation_files: the files of validation records; empty if the dataset has none.
        image_shape: rows, columns and channels of an image.
        crop_size: rows and columns that the network sees, in pixels. `dataclasses.replace(dataset, crop_size=28)`
            returns the same dataset with larger crops.
        fingerprints: a hash of the images and labels of each split, only in the description of a run; see `trained_on`.
        summary: what was understood and used when the dataset was created from images, as a table for people;
            empty for a dataset that was loaded.
    """

    name: str
    classes: tuple[str, ...]
    train_files: tuple[Path, ...] = ()
    test_files: tuple[Path, ...] = ()
    image_shape: tuple[int, int, int] = IMAGE_SHAPE
    crop_size: int = 24
    validation_files: tuple[Path, ...] = ()
    fingerprints: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False, repr=False)
    summary: str = dataclasses.field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        """Sanitizes the names, which may be untrusted, and are printed, drawn and written to files."""
        object.__setattr__(self, "name", sanitize(self.name))
        object.__setattr__(self, "classes", tuple(map(sanitize, self.classes)))

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    def files(self, split: str) -> tuple[Path, ...]:
        """Returns the record files of a split, "train", "validation" or "test"; empty if there is no such split."""
        if split not in SPLITS:
            raise ValueError(f"split must be 'train', 'validation' or 'test'; got {split!r}.")
        return getattr(self, f"{split}_files")

    def all_files(self) -> tuple[Path, ...]:
        """Returns the record files of all splits."""
        return self.train_files + self.validation_files + self.test_files

    def num_examples(self, split: str) -> int:
        """Returns the number of images in a split, computed from the file sizes."""
        return sum(count_records(file, self.image_shape) for file in self.files(split))

    def class_counts(self, split: str) -> np.ndarray:
        """Returns the number of images per class in a split, int64[num_classes]; reads the labels of its files."""
        counts = np.zeros(self.num_classes, np.int64)
        for file in self.files(split):
            counts += np.bincount(read_labels(file, self.image_shape), minlength=self.num_classes)
        return counts

    def majority_class(self) -> tuple[str, float]:
        """Returns the class with the most training images and its fraction of the test images.

        The fraction is the precision of always predicting that class, which any trained network should exceed.
        """
        label, test = int(self.class_counts("train").argmax()), self.class_counts("test")
        return self.classes[label], float(test[label] / test.sum())

    def save_description(self, path: Path) -> None:
        """Writes the description as JSON, so that a trained network can be used without the images.

        Paths below the JSON file's directory are written relative to it, so that the directory can be moved.
        """
        home = path.parent.resolve()
        description: dict = {key: getattr(self, key) for key in ("name", "classes", "image_shape", "crop_size")}
        for split in SPLITS:
            files = [file.resolve() for file in self.files(split)]
            description[f"{split}_files"] = [str(f.relative_to(home) if f.is_relative_to(home) else f) for f in files]
        if self.fingerprints:
            description["fingerprints"] = dict(self.fingerprints)
        atomic_write_text(path, json.dumps(description, indent=1) + "\n")

    @classmethod
    def read_description(cls, path: Path) -> "DataSet":
        """Reads a file that `save_description` wrote. The record files need not exist.

        Raises:
            DataSetError: the file is missing, or is not a valid description.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8-sig"))
            rows, columns, channels = map(int, values["image_shape"])
            files = {
                split: tuple(_path(path.parent, file) for file in values.get(f"{split}_files", ())) for split in SPLITS
            }
            made = cls(
                name=values["name"],
                classes=tuple(values["classes"]),
                image_shape=(rows, columns, channels),
                crop_size=int(values["crop_size"]),
                train_files=files["train"],
                test_files=files["test"],
                validation_files=files["validation"],
                fingerprints=dict(values.get("fingerprints", {}).items()),
            )
            if not (made.classes and 1 <= made.crop_size <= min(rows, columns) and channels >= 1):
                raise ValueError("image or crop size out of range, or no classes")
            if math.prod(made.image_shape) > _MAX_IMAGE_VALUES:
                raise ValueError("image too large")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise DataSetError(
                f"{sanitize(path)} must describe a dataset; it cannot be read ({type(error).__name__}). Choose a run "
                "directory that `cifarlab train` wrote, or a dataset directory that `cifarlab.data.custom` wrote."
            ) from None
        return made

    def files_exist(self) -> bool:
        """Returns whether the dataset has record files and all of them exist."""
        files = self.all_files()
        return bool(files) and all(file.is_file() for file in files)

    def validate(self) -> None:
        """Checks the sizes and labels of all record files.

        Raises:
            DataSetError: a file is missing or truncated, or a label is out of range; the message says which.
        """
        for file in self.all_files():
            try:
                labels = read_labels(file, self.image_shape)
            except OSError as error:
                raise DataSetError(
                    f"{sanitize(file)} must contain records of {self.name}; {error.strerror or error}. {self._fix()}."
                ) from None
            except RecordError as error:
                raise DataSetError(f"{sanitize(file)}: {error}") from None
            wrong = (labels >= self.num_classes).nonzero()[0]
            if wrong.size:
                raise DataSetError(
                    f"labels of {self.name} must be from 0 to {self.num_classes - 1}; record {wrong[0]:,} of "
                    f"{sanitize(file)} has {labels[wrong[0]]}. Either the dataset has more classes than names, or the "
                    f"file is damaged. {self._fix()}."
                )

    def _fix(self) -> str:
        return f"Run `cifarlab data {self.name} --force` with the same --data-dir, or create your own dataset again"


def _path(home: Path, name: str) -> Path:
    """Returns the path of a file in a description; raises `ValueError` for a name that no file system allows."""
    if b"\0" in os.fsencode(name):
        raise ValueError("file name with a null byte")
    return home / name


def check_is_dataset(value: object) -> None:
    """Raises `DataSetError` for anything but a `DataSet`, such as the name of one.

    >>> check_is_dataset("drawn")
    Traceback (most recent call last):
    cifarlab.data.dataset.DataSetError: expected a DataSet, such as cifarlab.load("drawn") returns; got 'drawn'.
    """
    if not isinstance(value, DataSet):
        got = sanitize(repr(value))[:80]
        raise DataSetError(f'expected a DataSet, such as cifarlab.load("drawn") returns; got {got}.')
