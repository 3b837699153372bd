"""Download, verify and extract the archive of CIFAR-10."""

import os
from pathlib import Path

from cifarlab.data.records import TEST_FILES, TRAIN_FILES, record_bytes
from cifarlab.data.sources.archive import extract
from cifarlab.data.sources.cifar10_files import check_places, extract_local
from cifarlab.data.sources.download import DownloadError, ProgressCallback, fetch

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_BYTES = 170_052_171
ARCHIVE_HASH = "sha256:c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
FOLDER = "cifar-10-batches-bin"
"""The directory of the files in the archive, and the one that they are extracted to."""
RECORDS_PER_FILE = 10_000


def fetch_records(directory: Path, force: bool, progress: ProgressCallback | None) -> None:
    """Extracts CIFAR-10's record files to a directory, after downloading the archive next to it if needed.

    An archive that was downloaded by other means is used if it is in one of these two directories.

    Args:
        directory: where the files are written.
        force: download the archive, whatever is there.
        progress: called with the progress of the download.

    Raises:
        DownloadError: the archive cannot be downloaded or extracted, or another version of CIFAR-10 is there.
    """
    size = RECORDS_PER_FILE * record_bytes()
    members = {FOLDER + "/" + file: size for file in TRAIN_FILES + TEST_FILES}
    archive = directory.parent / "cifar-10-binary.tar.gz"
    if not force:
        if extract_local(archive, ARCHIVE_BYTES, directory, members):
            return
        if not archive.is_file():
            check_places(directory.parent, directory)
    addresses = [*os.environ.get("CIFARLAB_CIFAR10_MIRRORS", "").split(), URL]
    try:
        fetch(addresses, archive, known_hash=ARCHIVE_HASH, size=ARCHIVE_BYTES, progress=progress)
    except DownloadError as error:
        raise DownloadError(
            f"{error} Or train on images that need no download: `--dataset drawn --train-dir runs/drawn`."
        ) from None
    if force:  # `extract` would keep files of the right size
        for file in TRAIN_FILES + TEST_FILES:
            (directory / file).unlink(missing_ok=True)
    extract(archive, directory, members)
