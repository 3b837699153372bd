"""Recognize what is in the place of CIFAR-10's files: other versions, other datasets, unfinished downloads.

Files are recognized by their names and sizes. The Python version consists of pickles, which are never opened.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from cifarlab.data.dataset import DESCRIPTION
from cifarlab.data.records import TEST_FILES, TRAIN_FILES
from cifarlab.data.sources.archive import extract
from cifarlab.data.sources.download import DownloadError
from cifarlab.files import entries
from cifarlab.text import sanitize

_ARCHIVE = re.compile(r"cifar-?10-binary.*\.(tar|tgz|gz)")
"""The archive as downloaded, also a second time, or decompressed by the browser."""

_UNFINISHED = re.compile(r".*cifar-?10-binary.*\.(crdownload|opdownload|download|partial)")
_OTHERS = (
    (
        re.compile(r"cifar-?10-batches-py|cifar-?10-python.*|data_batch_[1-5]|test_batch|batches\.meta"),
        "the Python version of CIFAR-10, pickles",
    ),
    (
        re.compile(r"cifar-?10-batches-mat|cifar-?10-matlab.*|(data_batch_[1-5]|test_batch|batches\.meta)\.mat"),
        "the MATLAB version of CIFAR-10",
    ),
    (re.compile(r"cifar-?100.*|(fine|coarse)_label_names\.txt"), "CIFAR-100, a different dataset"),
)
_CIFAR100_BYTES = 3074  # of a record of CIFAR-100, which has two labels
_DOWNLOAD = "download it: `cifarlab data cifar10 --force` with the same --data-dir"


def extract_local(archive: Path, size: int, directory: Path, members: Mapping[str, int]) -> bool:
    """Extracts an archive that was downloaded by other means; returns whether there is one.

    Args:
        archive: the archive that `fetch` downloads and verifies. If it exists and has the right size, nothing is done.
        size: the size of that archive in bytes.
        directory: where the files are written. Archives are searched here and next to `archive`.
        members: the names and sizes of the files in the archive.

    Raises:
        DownloadError: there are only archives that are incomplete or damaged, or the files cannot be written.
    """
    if archive.is_file() and archive.stat().st_size == size:
        return False
    errors = []
    for found in _matching((archive.parent, directory), _ARCHIVE):
        try:
            if found.is_file() and extract(found, directory, members):
                return True
        except DownloadError as error:
            errors.append(_explained(found, size, error))
    if errors:
        raise errors[0]
    return False


def _explained(archive: Path, size: int, error: DownloadError) -> DownloadError:
    """Returns the error for an archive that cannot be extracted."""
    if isinstance(error.__cause__, OSError):  # the files cannot be written
        return error
    with archive.open("rb") as file:
        head = file.read(1)
    if head == b"<":
        reason = "is a web page, not an archive"
    elif isinstance(getattr(error.__cause__, "__cause__", None), EOFError):
        reason = f"is incomplete: it has {archive.stat().st_size:,} of {size:,} bytes"
    else:
        return error
    return DownloadError(f"{sanitize(archive)} {reason}. Copy it here again, or {_DOWNLOAD}.")


def check_places(data_dir: Path, directory: Path) -> None:
    """Checks that nothing but CIFAR-10's own files is where they should be, before they are downloaded.

    Raises:
        DownloadError: there are other files; the message says what they are and what to do.
    """
    files = TRAIN_FILES + TEST_FILES
    for place in (directory, data_dir):
        missing = [name for name in files if not (place / name).is_file()]
        if 0 < len(missing) < len(files):
            raise DownloadError(
                f"{sanitize(place)} must have {len(files)} files of CIFAR-10; it lacks {', '.join(missing)}. Copy "
                f"{'them' if len(missing) > 1 else 'it'} there, or {_DOWNLOAD}."
            )
    for place in _nearby(data_dir):
        if all((place / name).is_file() for name in files):
            raise DownloadError(
                f"CIFAR-10's files must be in {sanitize(directory)}; they are in {sanitize(place)}. Pass that "
                f"directory as the data directory: --data-dir {sanitize(place)}."
            )
    for path in _matching((directory, data_dir), _UNFINISHED):
        raise DownloadError(
            f"{sanitize(path)} is an unfinished download of a browser. Wait until it is complete, or delete it, and "
            "try again."
        )
    for pattern, what in _OTHERS:
        for path in _matching((directory, data_dir), pattern):
            raise _other(path, what, directory)
        if pattern.fullmatch(data_dir.absolute().name.lower()):
            raise _other(data_dir, what, directory)
    for path in (directory / "train.bin", data_dir / "train.bin"):
        size = path.stat().st_size if path.is_file() and not path.with_name(DESCRIPTION).exists() else 0
        if size and size % _CIFAR100_BYTES == 0:
            raise _other(path, _OTHERS[-1][1], directory)


def _other(path: Path, what: str, directory: Path) -> DownloadError:
    return DownloadError(
        f"{sanitize(path)} is {what}; expected CIFAR-10's binary version, data_batch_1.bin to data_batch_5.bin and "
        f"test_batch.bin, in {sanitize(directory)}. Copy it there, or {_DOWNLOAD}."
    )


def _matching(places: Sequence[Path], pattern: re.Pattern[str]) -> list[Path]:
    """Returns the paths in some directories whose names match, the shortest names first."""
    found = dict.fromkeys(path for place in places for path in entries(place))
    return sorted((path for path in found if pattern.fullmatch(path.name.lower())), key=lambda path: len(path.name))


def _nearby(data_dir: Path) -> list[Path]:
    """Returns subdirectories, and theirs, that may contain CIFAR-10."""
    first = [path for path in entries(data_dir) if "cifar" in path.name.lower() and path.is_dir()]
    return [*first, *(path for place in first for path in entries(place) if path.is_dir())]
