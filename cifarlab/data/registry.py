"""The data sets by name: where each comes from, and where its files lie."""

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES
from cifarlab.data.sources import cifar10, svhn
from cifarlab.data.sources.download import ProgressCallback
from cifarlab.files import file_lock


class Source(NamedTuple):
    """Where a data set comes from.

    Attributes:
        classes: the classes' names.
        train_files: names of the files of training records.
        test_files: names of the files of test records.
        fetch: puts these files into a folder, given the folder, whether to do it anew, and a callback for a download's
            progress.
        folder: where they are put, below the data folder.
        alternative_folder: another place where they may lie already.
    """

    classes: tuple[str, ...]
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    fetch: Callable[[Path, bool, ProgressCallback | None], None]
    folder: str
    alternative_folder: str | None = None


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
        name: a key of `SOURCES`, or the folder of a data set of one's own, which `cifarlab.data.custom` made.
        data_dir: folder of the data sets; by default `default_data_dir()`. One that already holds the files, in
            itself or in the folder that the data set unpacks to, is used as it is.
        force: fetch or draw anew even if the files are there.
        progress: told how a download goes on.

    Raises:
        DataSetError: there is no such data set (the message lists them), or its files are damaged.
        DownloadError: it could not be fetched.
    """
    check_name(name)
    if name not in SOURCES:
        dataset = DataSet.read_description(Path(name) / DESCRIPTION)
    else:
        source, data_dir = SOURCES[name], Path(data_dir or default_data_dir())
        folder = find_local(name, data_dir)
        if folder is None or force:
            folder = data_dir / source.folder
            source.fetch(folder, force, progress)
        dataset = DataSet(name, source.classes, _paths(folder, source.train_files), _paths(folder, source.test_files))
    dataset.validate()
    return dataset


def check_name(name: str) -> None:
    """Sees that there is a data set of this name.

    Raises:
        DataSetError: there is none; the message lists them.
    """
    if name not in SOURCES and not (Path(name) / DESCRIPTION).is_file():
        near = difflib.get_close_matches(name, SOURCES, n=1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise DataSetError(
            f"there is no data set {name!r}; there are {', '.join(SOURCES)}. {meant}"
            "One of your own is named by the folder of its records."
        )


def find_local(name: str, data_dir: str | os.PathLike | None = None) -> Path | None:
    """The folder that holds the files of a data set, or None when they would have to be fetched or drawn first."""
    source, data_dir = SOURCES[name], Path(data_dir or default_data_dir())
    for place in (source.folder, source.alternative_folder):
        if place and all(file.is_file() for file in _paths(data_dir / place, source.train_files + source.test_files)):
            return data_dir / place
    return None


def _paths(folder: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(folder / name for name in names)


def _draw(folder: Path, force: bool, progress: ProgressCallback | None) -> None:
    from cifarlab.data.sources import drawn

    with file_lock(folder):
        if force or find_local("drawn", folder.parent) is None:  # another process may have drawn it meanwhile
            drawn.write_data_set(folder)


def _draw_digits(folder: Path, force: bool, progress: ProgressCallback | None) -> None:
    from cifarlab.data.sources import street_digits

    with file_lock(folder):
        if force or find_local("street_digits", folder.parent) is None:
            folder.mkdir(parents=True, exist_ok=True)
            street_digits.write_files(folder)
            for part in ("train", "test"):
                svhn.convert_to_records(folder / f"{part}_32x32.mat", folder / f"{part}.bin")


SOURCES: dict[str, Source] = {
    "cifar10": Source(CLASSES, TRAIN_FILES, TEST_FILES, cifar10.fetch_records, cifar10.FOLDER, alternative_folder="."),
    "drawn": Source(CLASSES, TRAIN_FILES, TEST_FILES, _draw, "drawn"),
    "svhn": Source(svhn.DIGITS, ("train.bin",), ("test.bin",), svhn.fetch_records, "svhn"),
    "svhn_extra": Source(svhn.DIGITS, ("train.bin", "extra.bin"), ("test.bin",), svhn.fetch_extra_records, "svhn"),
    "street_digits": Source(svhn.DIGITS, ("train.bin",), ("test.bin",), _draw_digits, "street_digits"),
}
"""The data sets by name."""
