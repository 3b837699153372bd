"""The registry of datasets: load them by name, and download or generate them if needed."""

import difflib
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from cifarlab.data.dataset import DESCRIPTION, DataSet, DataSetError
from cifarlab.data.records import CLASSES, TEST_FILES, TRAIN_FILES
from cifarlab.data.sources import cifar10, svhn
from cifarlab.data.sources.download import ProgressCallback
from cifarlab.errors import UserError
from cifarlab.files import as_path, file_lock
from cifarlab.text import sanitize


class Source(NamedTuple):
    """The source of a dataset.

    Attributes:
        classes: the class names.
        train_files: names of the files of training records.
        test_files: names of the files of test records.
        fetch: downloads or generates the files; takes the directory to write to, whether to replace existing files,
            and a callback for the progress of a download.
        directory: where the files are written, relative to the data directory.
        alternative_directory: another directory in which the files may already exist.
    """

    classes: tuple[str, ...]
    train_files: tuple[str, ...]
    test_files: tuple[str, ...]
    fetch: Callable[[Path, bool, ProgressCallback | None], None]
    directory: str
    alternative_directory: str | None = None


def default_data_dir() -> Path:
    """Returns the directory of the datasets: $CIFARLAB_DATA, or `cifarlab` in the user's cache directory.

    Raises:
        UserError: the home directory is unknown.
    """
    if os.environ.get("CIFARLAB_DATA"):
        return as_path(os.environ["CIFARLAB_DATA"])
    import pooch

    try:
        return as_path(pooch.os_cache("cifarlab"))
    except (UserError, RuntimeError):  # neither HOME nor the system's list of users names a home directory
        raise DataSetError(
            "the directory of the datasets must be known; this user has no home directory for the default. Set "
            "CIFARLAB_DATA, or pass --data-dir."
        ) from None


def load(
    name: str,
    data_dir: str | os.PathLike | None = None,
    *,
    force: bool = False,
    progress: ProgressCallback | None = None,
) -> DataSet:
    """Loads a dataset by name, after downloading or generating it on first use, and validates its files.

    Args:
        name: a key of `SOURCES`, or the directory of a custom dataset that `cifarlab.data.custom` wrote.
        data_dir: directory of the datasets; by default `default_data_dir()`. Existing files are used if they are in
            the dataset's subdirectory, or if `data_dir` is that subdirectory. CIFAR-10's may be in any `data_dir`.
        force: download or regenerate the files even if they exist.
        progress: called with the progress of a download.

    Raises:
        DataSetError: there is no such dataset (the message lists them), or its files are damaged.
        DownloadError: the download failed.
    """
    check_name(name)
    if name not in SOURCES:
        dataset = DataSet.read_description(_custom_dir(name) / DESCRIPTION)
    else:
        source, data_dir = SOURCES[name], as_path(data_dir or default_data_dir())
        if data_dir.exists() and not data_dir.is_dir():
            raise DataSetError(f"data_dir must be a directory; {sanitize(data_dir)} is a file. Pass its directory.")
        home = find_local(name, data_dir)
        if home is None or force:
            home = data_dir / source.directory
            _fetch(source, home, force, progress)
        dataset = DataSet(name, source.classes, _paths(home, source.train_files), _paths(home, source.test_files))
    dataset.validate()
    return dataset


def _fetch(source: Source, home: Path, force: bool, progress: ProgressCallback | None) -> None:
    try:
        source.fetch(home, force, progress)
    except OSError as error:
        file = next((path for path in home.parents if path.is_file()), None)
        reason = f"{file} is a file" if file else error.strerror or error
        raise DataSetError(
            f"the directory of the datasets must be writable and have space; {home} cannot be written ({reason}). "
            "Choose another: --data-dir, or CIFARLAB_DATA."
        ) from None


def check_name(name: str) -> None:
    """Checks that there is a dataset with this name.

    Raises:
        DataSetError: there is no such dataset, and the message lists them; or there are two.
    """
    place = _custom_dir(name)
    custom = os.path.isfile(place / DESCRIPTION)
    if name in SOURCES:
        if custom:
            raise DataSetError(
                f"the dataset must be unambiguous; {name} is a built-in one and also a directory of yours. Pass "
                f"./{name} for yours. For the built-in one, rename the directory or work in another one."
            )
        return
    if custom:
        return
    shown = sanitize(place)
    if os.path.isdir(place):
        if all(os.path.isfile(place / file) for file in TRAIN_FILES):
            raise DataSetError(
                f"{shown} contains the files of CIFAR-10, not a custom dataset. Pass --dataset cifar10 --data-dir "
                f"{shown}."
            )
        raise DataSetError(
            f"{shown} must be the directory of a dataset, with the file {DESCRIPTION}; it has none. To create a "
            f"dataset from its images, run `cifarlab data {shown} --as OTHER`, and pass the directory OTHER."
        )
    if os.path.exists(place):
        raise DataSetError(f"a dataset must be a name or a directory; {shown} is a file. Pass the dataset's directory.")
    near = _similar_name(str(name))
    what = f"there is no directory {shown}" if _is_path(str(name)) else f"unknown dataset {str(name)!r}"
    raise DataSetError(
        f"{what}; available: {', '.join(SOURCES)}. {f'Did you mean {near}? ' if near else ''}"
        "For a custom dataset, pass its directory."
    )


def _custom_dir(name: str) -> Path:
    """Returns the directory of a custom dataset, which may be given by its description."""
    path = as_path(name)
    return path.parent if path.name == DESCRIPTION and os.path.isfile(path) else path


def _is_path(name: str) -> bool:
    return name.startswith(("~", ".")) or any(separator in name for separator in {"/", os.sep})


def _similar_name(name: str) -> str | None:
    """Returns the built-in dataset with the most similar name, but not CIFAR-10 for another number such as 100."""
    plain = {re.sub(r"[\W_]", "", known): known for known in SOURCES}
    wanted = re.sub(r"[\W_]", "", name.lower())
    near = difflib.get_close_matches(wanted, plain, n=1)
    numbers = [re.sub(r"\D", "", text) for text in (wanted, *near)]
    return plain[near[0]] if near and (not numbers[0] or numbers[0] == numbers[1]) else None


def find_local(name: str, data_dir: str | os.PathLike | None = None) -> Path | None:
    """Returns the directory with a dataset's files, or None if they have not been downloaded or generated yet."""
    source, data_dir = SOURCES[name], as_path(data_dir or default_data_dir())
    itself = data_dir.absolute().name == source.directory and not (data_dir / DESCRIPTION).exists()
    for place in (source.directory, "." if itself else source.alternative_directory):
        if place and all(file.is_file() for file in _paths(data_dir / place, source.train_files + source.test_files)):
            return data_dir / place
    return None


def _paths(directory: Path, names: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(directory / name for name in names)


def _draw(directory: Path, force: bool, progress: ProgressCallback | None) -> None:
    from cifarlab.data.sources import drawn

    with file_lock(directory):
        if force or find_local("drawn", directory.parent) is None:  # another process may have drawn it meanwhile
            drawn.write_data_set(directory)


def _draw_digits(directory: Path, force: bool, progress: ProgressCallback | None) -> None:
    from cifarlab.data.sources import street_digits

    with file_lock(directory):
        if force or find_local("street_digits", directory.parent) is None:
            directory.mkdir(parents=True, exist_ok=True)
            street_digits.write_files(directory)
            for part in ("train", "test"):
                svhn.convert_to_records(directory / f"{part}_32x32.mat", directory / f"{part}.bin")


SOURCES: dict[str, Source] = {
    "cifar10": Source(
        CLASSES, TRAIN_FILES, TEST_FILES, cifar10.fetch_records, cifar10.FOLDER, alternative_directory="."
    ),
    "drawn": Source(CLASSES, TRAIN_FILES, TEST_FILES, _draw, "drawn"),
    "svhn": Source(svhn.DIGITS, ("train.bin",), ("test.bin",), svhn.fetch_records, "svhn"),
    "svhn_extra": Source(svhn.DIGITS, ("train.bin", "extra.bin"), ("test.bin",), svhn.fetch_extra_records, "svhn"),
    "street_digits": Source(svhn.DIGITS, ("train.bin",), ("test.bin",), _draw_digits, "street_digits"),
}
"""The sources of all built-in datasets by name."""
