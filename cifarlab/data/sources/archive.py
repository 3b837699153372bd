"""Extract the expected members of an untrusted archive, atomically."""

import gzip
import io
import os
import shutil
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from cifarlab.data.sources.download import DownloadError, disk_error
from cifarlab.files import append_suffix, file_lock
from cifarlab.text import sanitize

BLOCK_BYTES = 1 << 14  # bytes read at a time from the rest of an archive
SLACK_BYTES = 1 << 24  # 16 MiB for headers and other members; a decompression bomb exceeds it
HEADER_BYTES = 1 << 12  # largest extended header (the longest path); tarfile's time is quadratic in its length


_DAMAGED = (  # exceptions that gzip and tarfile raise for invalid files
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
    """The archive does not have the expected contents."""


def extract(archive: str | os.PathLike, directory: str | os.PathLike, members: Mapping[str, int]) -> Path:
    """Extracts exactly the given members of a .tar.gz or .tar file into a directory, which is created atomically.

    Nothing else is written, whatever the archive contains: no other paths, links, devices or extra bytes. If the
    directory already has all files with the right sizes, nothing is done. If it lacks some, they are added, and other
    files in it are kept.

    Args:
        archive: a .tar.gz file, or the .tar file that a browser made of it; recognized by its first bytes.
        directory: where the files are written, each under the last part of its member's name.
        members: the full names of the members and their sizes in bytes.

    Returns:
        `directory` as a path.

    Raises:
        DownloadError: the archive is damaged or a different one, or the files cannot be written.

    >>> import tempfile
    >>> home = Path(tempfile.mkdtemp())
    >>> _ = (home / "a.bin").write_bytes(bytes(3))
    >>> with tarfile.open(home / "a.tar.gz", "w:gz") as tar:
    ...     tar.add(home / "a.bin", "batches/a.bin")
    >>> files = extract(home / "a.tar.gz", home / "files", {"batches/a.bin": 3})
    >>> [file.name for file in files.iterdir()]
    ['a.bin']
    """
    archive, directory = Path(archive), Path(directory)
    try:
        if not _has_all(directory, members):
            directory.parent.mkdir(parents=True, exist_ok=True)
            with file_lock(directory):
                if not _has_all(directory, members):  # another process may have extracted it
                    _extract_locked(archive, directory, members)
    except _BadArchiveError as error:
        raise DownloadError(
            f"{archive} is not the expected archive of {len(members)} files: {sanitize(' '.join(str(error).split()))}. "
            "Delete it and download it again."
        ) from error
    except OSError as error:
        raise disk_error(directory, error) from error
    return directory


def _extract_locked(archive: Path, directory: Path, members: Mapping[str, int]) -> None:
    half = append_suffix(directory, ".part")
    shutil.rmtree(half, ignore_errors=True)  # left by a process that was killed
    try:
        half.mkdir()
        _copy_members(archive, half, members)
        if directory.exists():
            for file in half.iterdir():
                file.replace(directory / file.name)
        else:
            half.rename(directory)
    finally:
        shutil.rmtree(half, ignore_errors=True)


class _Limited:
    """A stream of limited length, because a small archive can decompress to terabytes."""

    left = 0

    def read(self, size: int | None = -1) -> bytes:
        block = super().read(size)  # type: ignore[misc]
        self.left -= len(block)
        if self.left < 0:
            raise _BadArchiveError("it is much larger than these files")
        return block


class _LimitedGzipFile(_Limited, gzip.GzipFile):
    """The decompressed contents of a .tar.gz file."""


class _LimitedFile(_Limited, io.FileIO):
    """The contents of a .tar file."""


class _Header(tarfile.TarInfo):
    """A member's header, with a size limit for extended headers, which tarfile reads recursively."""

    def _proc_member(self, tar: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in b"xgXLK" and self.size > HEADER_BYTES:
            raise _BadArchiveError(f"it has a header of {self.size:,} bytes")
        return super()._proc_member(tar)  # type: ignore[misc]


def _copy_members(archive: Path, directory: Path, members: Mapping[str, int]) -> None:
    """Copies the given members, then reads to the end of the archive, where gzip verifies its checksum."""
    missing, limit = dict(members), sum(members.values()) + SLACK_BYTES
    try:
        # tarfile's own mode "r|gz" does not verify gzip's checksum.
        with _LimitedGzipFile(archive) if _is_gzip(archive) else _LimitedFile(archive) as unpacked:
            unpacked.left = limit
            with tarfile.open(fileobj=unpacked, mode="r|", tarinfo=_Header) as tar:
                for entry in tar:
                    if tar.offset > limit:  # tarfile would read past the end, practically forever
                        raise _BadArchiveError("it is much larger than these files")
                    if entry.name in members:
                        _copy_member(tar, entry, directory, missing.pop(entry.name, None))
            while unpacked.read(BLOCK_BYTES):
                pass
    except _DAMAGED as error:
        raise _BadArchiveError(f"it is damaged or not a .tar.gz file ({error})") from error
    if missing:
        raise _BadArchiveError(f"it lacks {', '.join(missing)}")


def _is_gzip(archive: Path) -> bool:
    with archive.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _copy_member(tar: tarfile.TarFile, entry: tarfile.TarInfo, directory: Path, size: int | None) -> None:
    source = tar.extractfile(entry) if entry.isreg() and not entry.issparse() else None
    if size is None:
        raise _BadArchiveError(f"it contains {entry.name} twice")
    if source is None:
        raise _BadArchiveError(f"{entry.name} is not a regular file")
    if entry.size != size:
        raise _BadArchiveError(f"{entry.name} has {entry.size:,} bytes instead of {size:,}")
    with open(directory / PurePosixPath(entry.name).name, "xb") as file:
        shutil.copyfileobj(source, file)  # tarfile yields exactly `entry.size` bytes, or raises


def _has_all(directory: Path, members: Mapping[str, int]) -> bool:
    files = {directory / PurePosixPath(name).name: size for name, size in members.items()}
    return all(file.is_file() and file.stat().st_size == size for file, size in files.items())
