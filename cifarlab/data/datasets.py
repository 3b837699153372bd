"""The data sets by name: where each comes from, and what it is."""

import dataclasses
import difflib
import json
import os
from collections.abc import Callable
from pathlib import Path

from cifarlab.data.archive import unpack
from cifarlab.data.download import DownloadError, Progress, alone, fetch
from cifarlab.data.records import (
    CLASSES,
    IMAGE_SHAPE,
    TEST_FILES,
    TRAIN_FILES,
    RecordError,
    count_records,
    read_labels,
    record_bytes,
)
from cifarlab.errors import UserError

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
CIFAR10_BYTES = 170_052_171
CIFAR10_HASH = "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
CIFAR10_FOLDER = "cifar-10-batches-bin"
CIFAR10_RECORDS_PER_FILE = 10_000

ProgressCallback = Callable[[Progress], None]


class DataSetError(UserError):
    """A data set that is unknown, missing or damaged."""


@dataclasses.dataclass(frozen=True)
class DataSet:
    """Files of records, and what is in them.

    Attributes:
        name: short, as in `--dataset`.
        classes: the classes' names; a label is the place in this tuple.
        train_files: files of training records; none where only the description is known.
        test_files: files of test records; likewise.
        image_shape: rows, columns and channels of an image.
        crop_size: rows and columns that the network sees, in pixels.
    """

    name: str
    classes: tuple[str, ...]
    train_files: tuple[Path, ...] = ()
    test_files: tuple[Path, ...] = ()
    image_shape: tuple[int, int, int] = IMAGE_SHAPE
    crop_size: int = 24

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

    def save_description(self, path: Path) -> None:
        """Writes all but the files as JSON, so that a trained network can be used where its pictures are not."""
        description = {key: getattr(self, key) for key in ("name", "classes", "image_shape", "crop_size")}
        path.write_text(json.dumps(description, indent=1) + "\n")

    @classmethod
    def read_description(cls, path: Path) -> "DataSet":
        """Reads what `save_description` wrote; the result has no files.

        Raises:
            DataSetError: the file is not there, or does not hold a description.
        """
        try:
            values = json.loads(path.read_text())
            rows, columns, channels = map(int, values["image_shape"])
            return cls(
                name=str(values["name"]),
                classes=tuple(map(str, values["classes"])),
                image_shape=(rows, columns, channels),
                crop_size=int(values["crop_size"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataSetError(
                f"{path} should describe the data set of a run; it cannot be read ({type(error).__name__}). "
                "Name the folder of a run that `cifarlab train` made."
            ) from None

    def check(self) -> None:
        """Reads all files' sizes and labels.

        Raises:
            DataSetError: a file is missing or short, or a label is out of range; the message says which.
        """
        for file in self.train_files + self.test_files:
            try:
                labels = read_labels(file, self.image_shape)
            except OSError as error:
                raise DataSetError(
                    f"{file} should hold records of {self.name}; {error.strerror or error}. "
                    f"Fetch the data again: `cifarlab data {self.name} --force`, with the same --data-dir."
                ) from None
            except RecordError as error:
                raise DataSetError(f"{file}: {error}") from None
            wrong = (labels >= self.num_classes).nonzero()[0]
            if wrong.size:
                raise DataSetError(
                    f"labels of {self.name} lie in 0 to {self.num_classes - 1}; record {wrong[0]:,} of {file} has "
                    f"{labels[wrong[0]]}. The file is damaged: fetch it again, "
                    f"`cifarlab data {self.name} --force`, with the same --data-dir."
                )


def default_data_dir() -> Path:
    """The folder of the data sets: $CIFARLAB_DATA, or `cifarlab` in the user's cache folder."""
    if os.environ.get("CIFARLAB_DATA"):
        return Path(os.environ["CIFARLAB_DATA"])
    import pooch

    return Path(pooch.os_cache("cifarlab"))


def load(
    name: str,
    data_dir: str | os.PathLike | None = None,
    *,
    force: bool = False,
    progress: ProgressCallback | None = None,
) -> DataSet:
    """A data set by name, fetched or drawn on first use, its files checked.

    Args:
        name: a key of `SOURCES`.
        data_dir: folder of the data sets; by default `default_data_dir()`. One that already holds the files, in
            itself or in the folder that the data set unpacks to, is used as it is.
        force: fetch or draw anew even if the files are there.
        progress: told how a download goes on.

    Raises:
        DataSetError: there is no such data set (the message lists them), or its files are damaged.
        DownloadError: it could not be fetched.
    """
    check_name(name)
    dataset = SOURCES[name](Path(data_dir or default_data_dir()), force, progress)
    dataset.check()
    return dataset


def check_name(name: str) -> None:
    """Sees that there is a data set of this name.

    Raises:
        DataSetError: there is none; the message lists them.
    """
    if name not in SOURCES:
        near = difflib.get_close_matches(name, SOURCES, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        raise DataSetError(f"there is no data set {name!r}; there are {', '.join(SOURCES)}.{meant}")


def find(name: str, data_dir: str | os.PathLike | None = None) -> Path | None:
    """The folder that holds the files of a data set, or None when they would have to be fetched or drawn first."""
    data_dir = Path(data_dir or default_data_dir())
    for folder in _folders(name, data_dir):
        if all((folder / file).is_file() for file in TRAIN_FILES + TEST_FILES):
            return folder
    return None


def _folders(name: str, data_dir: Path) -> tuple[Path, ...]:
    """Where a data set's files may lie; the first is where they are put."""
    return (data_dir / CIFAR10_FOLDER, data_dir) if name == "cifar10" else (data_dir / name,)


def _in_folder(name: str, folder: Path) -> DataSet:
    return DataSet(
        name,
        CLASSES,
        tuple(folder / file for file in TRAIN_FILES),
        tuple(folder / file for file in TEST_FILES),
    )


def _cifar10(data_dir: Path, force: bool, progress: ProgressCallback | None) -> DataSet:
    folder = find("cifar10", data_dir)
    if folder is None or force:
        addresses = [*os.environ.get("CIFARLAB_CIFAR10_MIRRORS", "").split(), CIFAR10_URL]
        try:
            archive = fetch(
                addresses,
                data_dir / "cifar-10-binary.tar.gz",
                known_hash=CIFAR10_HASH,
                size=CIFAR10_BYTES,
                progress=progress,
            )
        except DownloadError as error:
            raise DownloadError(f"{error} Or train on pictures that need no network: `--dataset drawn`.") from None
        size = CIFAR10_RECORDS_PER_FILE * record_bytes()
        members = {f"{CIFAR10_FOLDER}/{file}": size for file in TRAIN_FILES + TEST_FILES}
        folder = data_dir / CIFAR10_FOLDER
        if force:  # unpacking takes a file of the right size for a whole one
            for file in TRAIN_FILES + TEST_FILES:
                (folder / file).unlink(missing_ok=True)
        unpack(archive, folder, members)
    return _in_folder("cifar10", folder)


def _drawn(data_dir: Path, force: bool, progress: ProgressCallback | None) -> DataSet:
    folder = find("drawn", data_dir)
    if folder is None or force:
        from cifarlab.data import drawn

        folder = data_dir / "drawn"
        with alone(folder):
            if force or find("drawn", data_dir) is None:  # another process may have drawn it meanwhile
                drawn.draw_data_set(folder)
    return _in_folder("drawn", folder)


SOURCES: dict[str, Callable[[Path, bool, ProgressCallback | None], DataSet]] = {
    "cifar10": _cifar10,
    "drawn": _drawn,
}
"""The data sets by name: functions of the data folder, `force` and a callback for a download's progress."""
