"""Where CIFAR-10 comes from: its archive, fetched, verified and unpacked."""

import os
from pathlib import Path

from cifarlab.data.records import TEST_FILES, TRAIN_FILES, record_bytes
from cifarlab.data.sources.archive import extract
from cifarlab.data.sources.download import DownloadError, ProgressCallback, fetch

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_BYTES = 170_052_171
ARCHIVE_HASH = "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
"""The folder in the archive, and the one that it unpacks to."""
RECORDS_PER_FILE = 10_000


def fetch_records(folder: Path, force: bool, progress: ProgressCallback | None) -> None:
    """Puts CIFAR-10's files of records into a folder, from its archive beside it, which is fetched if need be.

    Raises:
        DownloadError: the archive cannot be had or unpacked.
    """
    addresses = [*os.environ.get("CIFARLAB_CIFAR10_MIRRORS", "").split(), URL]
    archive = folder.parent / "cifar-10-binary.tar.gz"
    try:
        fetch(addresses, archive, known_hash=ARCHIVE_HASH, size=ARCHIVE_BYTES, progress=progress)
    except DownloadError as error:
        raise DownloadError(
            f"{error} Or train on pictures that need no network: `--dataset drawn --train-dir runs/drawn`."
        ) from None
    if force:  # unpacking takes a file of the right size for a whole one
        for file in TRAIN_FILES + TEST_FILES:
            (folder / file).unlink(missing_ok=True)
    size = RECORDS_PER_FILE * record_bytes()
    extract(archive, folder, {f"{FOLDER}/{file}": size for file in TRAIN_FILES + TEST_FILES})
