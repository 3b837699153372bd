"""SVHN, the house numbers of Google's street view: from MATLAB files to records.

A file holds X, uint8[32, 32, 3, N], and y, [N, 1], in which the digit zero has the label 10. Digits of one photo stand
next to each other and overlap, so that pictures for validation are a contiguous tail of the training pictures.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from cifarlab.data.records import IMAGE_SHAPE, write_batches
from cifarlab.data.sources.download import DownloadError, ProgressCallback, fetch
from cifarlab.data.sources.matlab import MatlabError, open_variable
from cifarlab.files import file_lock

DIGITS = tuple("0123456789")
"""The classes; a label is its digit."""

URL = "http://ufldl.stanford.edu/housenumbers/"
PARTS = {
    "train": ("md5:e26dedcc434d2e4c54c9b2d4a06d8373", 182_040_794, 73_257),
    "test": ("md5:eb5a983be6a315427106f1b164d9cef3", 64_275_384, 26_032),
    "extra": ("md5:a93ce644f1a588dc4d68dda5feec44a7", 1_329_278_602, 531_131),
}
"""The official files, `train_32x32.mat` and so on: checksum, bytes, and number of digits."""

_MAX_DIGITS = (
    1_000_000  # digits of a file; a small one can say that it has any number, and its pixels would fill a disk
)
_CHUNK = 1_000  # pictures that are in memory at a time


def read_digits(path: str | os.PathLike) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The digits of a file, a thousand at a time.

    Args:
        path: a file of cropped digits, such as `train_32x32.mat`.

    Yields:
        images: uint8[n, 32, 32, 3], rows x columns x RGB, 0-255.
        labels: int32[n], the digits themselves, 0 to 9.

    Raises:
        MatlabError: it is no such file; the message says what is wrong with it.
        OSError: it cannot be read.
    """
    path = Path(path)
    labels = _labels(path)
    with open_variable(path, "X") as found:
        if found.shape != (*IMAGE_SHAPE, len(labels)) or found.dtype != np.uint8:
            raise MatlabError(
                f"{path.name}: X should be uint8[32, 32, 3, {len(labels)}], as y has {len(labels):,} labels; got "
                f"{found.dtype}{list(found.shape)}. Is it the file of cropped digits?"
            )
        size = int(np.prod(IMAGE_SHAPE))
        for start in range(0, len(labels), _CHUNK):
            chosen = labels[start : start + _CHUNK]
            pixels = found.read(size * len(chosen)).reshape(-1, 3, 32, 32)  # [picture, channel, column, row]
            yield np.ascontiguousarray(pixels.transpose(0, 3, 2, 1)), chosen


def convert_to_records(path: str | os.PathLike, records: str | os.PathLike, count: int | None = None) -> int:
    """Writes the digits of a MATLAB file as a file of records, whole or not at all; returns how many there are.

    Args:
        path: a file of cropped digits.
        records: the file to write; one that is there is replaced.
        count: how many digits there must be; by default any number.

    Raises:
        MatlabError: as for `read_digits`, or there is another number of digits.
        OSError: a file cannot be read or written.
    """

    def counted() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        found = 0
        for images, labels in read_digits(path):
            found += len(labels)
            yield images, labels
        if count not in (None, found):
            raise MatlabError(f"{Path(path).name} should hold {count:,} digits; it holds {found:,}. Fetch it again.")

    return write_batches(records, counted())


def fetch_records(folder: Path, force: bool, progress: ProgressCallback | None) -> None:
    """Puts SVHN's training and test digits into a folder as files of records; fetches its MATLAB files if need be.

    Args:
        folder: where `train.bin` and `test.bin` go; the MATLAB files lie beside them.
        force: convert anew, and fetch what is not as it should be.
        progress: told how a download goes on.

    Raises:
        DownloadError: a file cannot be had.
        MatlabError: a file holds something else than it should.
    """
    _fetch_parts(("train", "test"), folder, force, progress)


def fetch_extra_records(folder: Path, force: bool, progress: ProgressCallback | None) -> None:
    """As `fetch_records`, with the 531,131 easier digits of SVHN's third file in `extra.bin`."""
    _fetch_parts(("train", "test", "extra"), folder, force, progress)


def _fetch_parts(parts: tuple[str, ...], folder: Path, force: bool, progress: ProgressCallback | None) -> None:
    for part in parts:
        checksum, size, count = PARTS[part]
        source, records = folder / f"{part}_32x32.mat", folder / f"{part}.bin"
        if records.is_file() and not force:
            continue
        try:
            fetch([URL + source.name], source, known_hash=checksum, size=size, progress=progress)
        except DownloadError as error:
            raise DownloadError(f"{error} Or use house numbers that need no network: street_digits.") from None
        with file_lock(records):
            if force or not records.is_file():  # another process may have written it meanwhile
                convert_to_records(source, records, count)


def _labels(path: Path) -> np.ndarray:
    """int32[N], the digits: 10 means zero."""
    with open_variable(path, "y") as found:
        count = max(found.shape, default=0)
        if sorted(found.shape) != [1, count] or not count:
            raise MatlabError(f"{path.name}: y should be [N, 1], a label for each picture; got {list(found.shape)}.")
        if count > _MAX_DIGITS:
            raise MatlabError(f"{path.name}: SVHN's largest file has 531,131 digits; this one says {count:,} labels.")
        labels = found.read(count)
    wrong = np.flatnonzero((labels < 1) | (labels > 10) | (labels != np.floor(labels)))
    if wrong.size:
        raise MatlabError(
            f"{path.name}: labels are 1 to 10, with 10 for zero; picture {wrong[0]:,} has {labels[wrong[0]]}"
            f" ({wrong.size:,} such in all)."
        )
    return labels.astype(np.int32) % 10
