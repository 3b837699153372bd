"""Unpack an archive: what is expected of it, whole or not at all. Nothing here trusts the archive."""

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cifarlab.data.sources.download import DownloadError, disk_error
from cifarlab.files import append_suffix, file_lock
from cifarlab.text import sanitize

BLOCK_BYTES = 1 << 14  # 16 KiB, to read what nobody asked for
SLACK_BYTES = 1 << 24  # 16 MiB for an archive's headers and the members nobody asked for; a bomb needs more
HEADER_BYTES = 1 << 12  # of an extended header: the longest path; tarfile's time grows with the square of its length


_DAMAGED = (  # what gzip and tarfile raise for a file that is none of theirs
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    RecursionError,
    zlib.error,
    gzip.BadGzipFile,
    tarfile.TarError,
)


class _BadArchiveError(Exception):
    """What the archive holds is not what is wanted."""


def extract(archive: str | os.PathLike, folder: str | os.PathLike, members: Mapping[str, int]) -> Path:
    """Unpacks exactly the named members of a .tar.gz into a folder that appears whole or not at all.

    Nothing else is written, whatever the archive holds: no other path, link or device, and no byte too many.
    A folder that has all the files in the right sizes is used as it is; one that lacks some is completed, and
    what it holds beside them is left alone.

    Args:
        archive: a .tar.gz file.
        folder: where the files go, each under the last part of its member's name.
        members: the members' full names and their sizes in bytes.

    Returns:
        `folder` as a path.

    Raises:
        DownloadError: the archive is damaged or is another one, or the disk does not take the files.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.bin").write_bytes(bytes(3))
    >>> with tarfile.open(folder / "a.tar.gz", "w:gz") as tar:
    ...     tar.add(folder / "a.bin", "batches/a.bin")
    >>> files = extract(folder / "a.tar.gz", folder / "files", {"batches/a.bin": 3})
    >>> [file.name for file in files.iterdir()]
    ['a.bin']
    """
    archive, folder = Path(archive), Path(folder)
    try:
        if not _has_all(folder, members):
            folder.parent.mkdir(parents=True, exist_ok=True)
            with file_lock(folder):
                if not _has_all(folder, members):  # another process may have been here meanwhile
                    _extract_locked(archive, folder, members)
    except _BadArchiveError as error:
        raise DownloadError(
            f"expected {len(members)} files in {archive}; got {sanitize(' '.join(str(error).split()))}. "
            "Remove it, fetch it again."
        ) from error
    except OSError as error:
        raise disk_error(folder, error) from error
    return folder


def _extract_locked(archive: Path, folder: Path, members: Mapping[str, int]) -> None:
    half = append_suffix(folder, ".part")
    shutil.rmtree(half, ignore_errors=True)  # of a process that was killed
    try:
        half.mkdir()
        _copy_members(archive, half, members)
        if folder.exists():
            for file in half.iterdir():
                file.replace(folder / file.name)
        else:
            half.rename(folder)
    finally:
        shutil.rmtree(half, ignore_errors=True)


class _LimitedGzipFile(gzip.GzipFile):
    """An unpacked stream that breaks off when it gets too long: a small archive may hold terabytes."""

    left = 0

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)
        self.left -= len(block)
        if self.left < 0:
            raise _BadArchiveError("far more than these files")
        return block


class _Header(tarfile.TarInfo):
    """A member's header; the entry point of its reader, which for an extended header reads the one behind it, too."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in b"xgXLK" and self.size > HEADER_BYTES:
            raise _BadArchiveError(f"a header of {self.size:,} bytes")
        return super()._proc_member(tar)  # type: ignore[misc]


def _copy_members(archive: Path, folder: Path, members: Mapping[str, int]) -> None:
    """Copies the named members, then reads to the end: only there gzip tells whether the archive is sound."""
    missing, limit = dict(members), sum(members.values()) + SLACK_BYTES
    try:
        # Not tarfile's own "r|gz", which never looks at gzip's checksum.
        with _LimitedGzipFile(archive) as unpacked:
            unpacked.left = limit
            with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_Header) as tar:
                for entry in tar:
                    if tar.offset > limit:  # tarfile would read on behind the end, for years
                        raise _BadArchiveError("far more than these files")
                    if entry.name in members:
                        _copy_member(tar, entry, folder, missing.pop(entry.name, None))
            while unpacked.read(BLOCK_BYTES):
                pass
    except _DAMAGED as error:
        raise _BadArchiveError(f"no .tar.gz archive, or a damaged one ({error})") from error
    if missing:
        raise _BadArchiveError(f"none called {', '.join(missing)}")


def _copy_member(tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, size: int | None) -> None:
    source = tar.extractfile(entry) if entry.isreg() and not entry.issparse() else None
    if size is None:
        raise _BadArchiveError(f"{entry.name} twice")
    if source is None:
        raise _BadArchiveError(f"{entry.name} as something else than a plain file")
    if entry.size != size:
        raise _BadArchiveError(f"{entry.name} of {entry.size:,} bytes, not {size:,} bytes")
    with open(folder / PurePosixPath(entry.name).name, "xb") as file:
        shutil.copyfileobj(source, file)  # tarfile gives just `entry.size` bytes, or raises


def _has_all(folder: Path, members: Mapping[str, int]) -> bool:
    files = {folder / PurePosixPath(name).name: size for name, size in members.items()}
    return all(file.is_file() and file.stat().st_size == size for file, size in files.items())
