"""What a data set is: files of records, and what is in them. numpy only."""

import dataclasses
import json
import math
import os
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE, RecordError, count_records, read_labels
from cifarlab.errors import UserError
from cifarlab.files import atomic_write_text
from cifarlab.text import sanitize

_MAX_IMAGE_VALUES = 1 << 26  # of one image; a description that says more would have a record fill the memory


DESCRIPTION = "dataset.json"
"""The file that describes a dataset, next to its records or in the directory of a run."""


class DataSetError(UserError):
    """A data set that is unknown, missing or damaged."""


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Files of records, and what is in them.

    Attributes:
        name: short, as in `--dataset`; plain, as `text.sanitize` makes it.
        classes: the classes' names, likewise plain; a label is the place in this tuple.
        train_files: files of training records; none where only the description is known.
        test_files: files of test records; likewise.
        image_shape: rows, columns and channels of an image.
        crop_size: rows and columns that the network sees, in pixels. `dataclasses.replace(dataset, crop_size=28)` is
            the same data set with larger crops.
    """

    name: str
    classes: tuple[str, ...]
    train_files: tuple[Path, ...] = ()
    test_files: tuple[Path, ...] = ()
    image_shape: tuple[int, int, int] = IMAGE_SHAPE
    crop_size: int = 24

    def __post_init__(self) -> None:
        """Names may be those of folders that somebody sent: they are printed, drawn and written into files."""
        object.__setattr__(self, "name", sanitize(self.name))
        object.__setattr__(self, "classes", tuple(map(sanitize, self.classes)))

    @property
    def num_classes(self) -> int:
        """The number of classes."""
        return len(self.classes)

    def files(self, split: str) -> tuple[Path, ...]:
        """The files of a split, "train" or "test"."""
        if split not in ("train", "test"):
            raise ValueError(f"a split is 'train' or 'test'; got {split!r}.")
        return self.train_files if split == "train" else self.test_files

    def num_examples(self, split: str) -> int:
        """The number of images in a split, from its files' sizes."""
        return sum(count_records(file, self.image_shape) for file in self.files(split))

    def class_counts(self, split: str) -> np.ndarray:
        """How many images of each class a split has, int64[num_classes]; reads the labels of its files."""
        counts = np.zeros(self.num_classes, np.int64)
        for file in self.files(split):
            counts += np.bincount(read_labels(file, self.image_shape), minlength=self.num_classes)
        return counts

    def majority_class(self) -> tuple[str, float]:
        """The class with the most training images, and its share of the test images: what always naming it is worth.

        A network that has learnt anything is right more often than that.
        """
        label, test = int(self.class_counts("train").argmax()), self.class_counts("test")
        return self.classes[label], float(test[label] / test.sum())

    def save_description(self, path: Path) -> None:
        """Writes it as JSON, so that a trained network can be used where its pictures are not.

        Files in the folder of the JSON file or below it are written relative to it: such a folder can be moved.
        """
        home = path.parent.resolve()
        description: dict = {key: getattr(self, key) for key in ("name", "classes", "image_shape", "crop_size")}
        for split in ("train_files", "test_files"):
            files = [file.resolve() for file in getattr(self, split)]
            description[split] = [str(f.relative_to(home) if f.is_relative_to(home) else f) for f in files]
        atomic_write_text(path, json.dumps(description, indent=1) + "\n")

    @classmethod
    def read_description(cls, path: Path) -> "DataSet":
        """Reads what `save_description` wrote; its files may be gone meanwhile.

        Raises:
            DataSetError: the file is not there, or does not hold a description.
        """
        try:
            values = json.loads(path.read_text())
            rows, columns, channels = map(int, values["image_shape"])
            made = cls(
                name=values["name"],
                classes=tuple(values["classes"]),
                train_files=tuple(_path(path.parent, file) for file in values.get("train_files", ())),
                test_files=tuple(_path(path.parent, file) for file in values.get("test_files", ())),
                image_shape=(rows, columns, channels),
                crop_size=int(values["crop_size"]),
            )
            if not (made.classes and 1 <= made.crop_size <= min(rows, columns) and channels >= 1):
                raise ValueError("an image without size, or no class")
            if math.prod(made.image_shape) > _MAX_IMAGE_VALUES:
                raise ValueError("an image beyond all size")
        except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
            raise DataSetError(
                f"{sanitize(path)} should describe the data set of a run; it cannot be read ({type(error).__name__}). "
                "Name the folder of a run that `cifarlab train` made, or of records that `cifarlab.data.custom` made."
            ) from None
        return made

    def files_exist(self) -> bool:
        """Whether it has files, and all of them are where they should be."""
        files = self.train_files + self.test_files
        return bool(files) and all(file.is_file() for file in files)

    def validate(self) -> None:
        """Reads all files' sizes and labels.

        Raises:
            DataSetError: a file is missing or short, or a label is out of range; the message says which.
        """
        for file in self.train_files + self.test_files:
            try:
                labels = read_labels(file, self.image_shape)
            except OSError as error:
                raise DataSetError(
                    f"{sanitize(file)} should hold records of {self.name}; {error.strerror or error}. "
                    f"Get the data again: {self._again()}."
                ) from None
            except RecordError as error:
                raise DataSetError(f"{sanitize(file)}: {error}") from None
            wrong = (labels >= self.num_classes).nonzero()[0]
            if wrong.size:
                raise DataSetError(
                    f"labels of {self.name} lie in 0 to {self.num_classes - 1}; record {wrong[0]:,} of "
                    f"{sanitize(file)} has {labels[wrong[0]]}. Either there are more classes than names, or the file "
                    f"is damaged: {self._again()}."
                )

    def _again(self) -> str:
        return f"`cifarlab data {self.name} --force` with the same --data-dir, or make your own once more"


def _path(home: Path, name: str) -> Path:
    """A file that a description names; a ValueError for what no file system takes for a name."""
    if b"\0" in os.fsencode(name):
        raise ValueError("a name with a zero byte")
    return home / name


def check_is_dataset(thing: object) -> None:
    """Refuses what is no data set, such as the name of one.

    >>> check_is_dataset("drawn")
    Traceback (most recent call last):
    cifarlab.data.dataset.DataSetError: a data set is what cifarlab.load("drawn") returns; got 'drawn'.
    """
    if not isinstance(thing, DataSet):
        raise DataSetError(f'a data set is what cifarlab.load("drawn") returns; got {sanitize(repr(thing))[:80]}.')
