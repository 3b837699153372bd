"""SVHN, house numbers from Google Street View: download the MATLAB files and convert them to records.

A file contains X, uint8[32, 32, 3, N], and y, [N, 1], in which the digit zero has the label 10. Digits from the same
photo are adjacent and overlap, so validation images must be a contiguous tail of the training images.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE, write_batches
from cifarlab.data.sources.download import DownloadError, ProgressCallback, fetch
from cifarlab.data.sources.matlab import MatlabError, open_variable
from cifarlab.files import entries, file_lock
from cifarlab.text import counted

DIGITS = tuple("0123456789")
"""The class names; a label is the digit itself."""

URL = "http://ufldl.stanford.edu/housenumbers/"
PARTS = {
    "train": ("md5:e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794, 73_257),
    "test": ("md5:eb5a983be6a315427106f1b164d9cef3", 64_275_384, 26_032),
    "extra": ("md5:a93ce644f1a588dc4d68dda5feec44a7", 1_329_278_602, 531_131),
}
"""The official files, `train_32x32.mat` and so on: checksum, size in bytes, and number of digits."""

_MAX_DIGITS = 1_000_000  # digits per file; a compressed file can be small and still fill the disk
_CHUNK = 1_000  # images in memory at a time


def read_digits(path: str | os.PathLike) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Reads the digits of a MATLAB file, 1,000 at a time.

    Args:
        path: a file of cropped digits, such as `train_32x32.mat`.

    Yields:
        images: uint8[n, 32, 32, 3], rows x columns x RGB, 0-255.
        labels: int32[n], the digits, 0 to 9.

    Raises:
        MatlabError: the file is not a valid file of digits; the message gives the reason.
        OSError: the file cannot be read.
    """
    path = Path(path)
    labels = _labels(path)
    with open_variable(path, "X") as found:
        if found.shape != (*IMAGE_SHAPE, len(labels)) or found.dtype != np.uint8:
            raise MatlabError(
                f"{path.name}: X must be uint8[32, 32, 3, {len(labels)}], because y has "
                f"{counted(len(labels), 'label')}; got "
                f"{found.dtype}{list(found.shape)}. Use a file of cropped digits, such as train_32x32.mat."
            )
        size = int(np.prod(IMAGE_SHAPE))
        for start in range(0, len(labels), _CHUNK):
            chosen = labels[start : start + _CHUNK]
            pixels = found.read(size * len(chosen)).reshape(-1, 3, 32, 32)  # [image, channel, column, row]
            yield np.ascontiguousarray(pixels.transpose(0, 3, 2, 1)), chosen


def convert_to_records(path: str | os.PathLike, records: str | os.PathLike, count: int | None = None) -> int:
    """Converts a MATLAB file of digits to a file of records, atomically, and returns the number of digits.

    Args:
        path: a file of cropped digits.
        records: the file to write; an existing one is replaced.
        count: the required number of digits; by default any number is accepted.

    Raises:
        MatlabError: the file is invalid (see `read_digits`) or has a different number of digits.
        OSError: a file cannot be read or written.
    """

    def counted() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        found = 0
        for images, labels in read_digits(path):
            found += len(labels)
            yield images, labels
        if count not in (None, found):
            raise MatlabError(f"{Path(path).name} must contain {count:,} digits; got {found:,}. Download it again.")

    return write_batches(records, counted())


def fetch_records(directory: Path, force: bool, progress: ProgressCallback | None) -> None:
    """Writes SVHN's training and test digits as files of records, after downloading the MATLAB files if needed.

    Args:
        directory: the directory for `train.bin`, `test.bin` and the MATLAB files.
        force: convert the files again, and download files with wrong checksums again.
        progress: called with the progress of a download.

    Raises:
        DownloadError: a file cannot be downloaded.
        MatlabError: a file has unexpected contents.
    """
    _fetch_parts(("train", "test"), directory, force, progress)


def fetch_extra_records(directory: Path, force: bool, progress: ProgressCallback | None) -> None:
    """Writes the files of `fetch_records`, and `extra.bin` with the 531,131 easier digits of SVHN's third file."""
    _fetch_parts(("train", "test", "extra"), directory, force, progress)


def _fetch_parts(parts: tuple[str, ...], directory: Path, force: bool, progress: ProgressCallback | None) -> None:
    for part in parts:
        checksum, size, count = PARTS[part]
        records = directory / f"{part}.bin"
        if records.is_file() and not force:
            continue
        source = _find(part, directory)
        if not force and not source.is_file():
            _check_format(part, directory)
        try:
            fetch([f"{URL}{part}_32x32.mat"], source, known_hash=checksum, size=size, progress=progress)
        except DownloadError as error:
            raise DownloadError(f"{error} Or use the dataset street_digits, which needs no download.") from None
        with file_lock(records):
            if force or not records.is_file():  # another process may have written it
                convert_to_records(source, records, count)


def _find(part: str, directory: Path) -> Path:
    """Returns an official file in the directory or its parent, under any name a browser gives it, or its usual path."""
    from pooch.hashes import hash_matches

    usual, (checksum, size, _) = directory / f"{part}_32x32.mat", PARTS[part]
    for path in () if usual.is_file() else entries(directory) + entries(directory.parent):
        named = path.name.startswith(usual.stem) and path.suffix == ".mat" and path.is_file()
        if named and path.stat().st_size == size and hash_matches(path, checksum):
            return path
    return usual


def _check_format(part: str, directory: Path) -> None:
    """Raises `DownloadError` if the directory contains the part in SVHN's other format, whole house numbers."""
    for path in (directory / f"{part}.tar.gz", directory / f"{part}.tar", directory / part / "digitStruct.mat"):
        if path.is_file():
            raise DownloadError(
                f"{path} has whole house numbers, SVHN's format 1; expected cropped digits, format 2: "
                f"{part}_32x32.mat. Copy that file there, or download it: `cifarlab data svhn --force` with the same "
                "--data-dir."
            )


def _labels(path: Path) -> np.ndarray:
    """Reads the labels of a MATLAB file, int32[N], and changes 10 to zero."""
    with open_variable(path, "y") as found:
        count = max(found.shape, default=0)
        if sorted(found.shape) != [1, count] or not count:
            raise MatlabError(f"{path.name}: y must be [N, 1], one label per image; got {list(found.shape)}.")
        if count > _MAX_DIGITS:
            raise MatlabError(f"{path.name}: y must have at most {_MAX_DIGITS:,} labels; got {count:,} labels.")
        labels = found.read(count)
    wrong = np.flatnonzero((labels < 1) | (labels > 10) | (labels != np.floor(labels)))
    if wrong.size:
        raise MatlabError(
            f"{path.name}: labels must be from 1 to 10, with 10 for zero; image {wrong[0]:,} has {labels[wrong[0]]} "
            f"({counted(wrong.size, 'such label')} in all)."
        )
    return labels.astype(np.int32) % 10
