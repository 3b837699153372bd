"""Paths that users pass, atomic writes, directory listings and file locks."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from cifarlab import locks
from cifarlab.errors import UserError


def as_path(path: str | os.PathLike[str]) -> Path:
    """Returns a path that a user passed, with a leading `~` or `~user` replaced by that home directory.

    Raises:
        UserError: the home directory is unknown.

    >>> as_path("~/photos").is_absolute(), as_path("a~b")
    (True, PosixPath('a~b'))
    >>> as_path("./~") == Path.cwd() / "~"
    True
    """
    given = Path(path)
    if not os.fspath(path).startswith("~"):  # pathlib drops a leading ./, so ./~ must become absolute to be kept
        return given.absolute() if given.parts[:1] and given.parts[0].startswith("~") else given
    try:
        return given.expanduser()
    except RuntimeError:
        raise UserError(f"the home directory in {path} must be known; it is not. Write the path in full.") from None


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """Opens a temporary file next to `path` and renames it to `path` at the end.

    If the process is killed, the old file stays intact. If the block raises, the temporary file is removed.

    Args:
        path: the file to write; its directory must exist.
        mode: "w" for text, "wb" for bytes.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.json"
    >>> with atomic_write(path) as file:
    ...     print(file.write("{}"), path.exists())
    2 False
    >>> [file.name for file in path.parent.iterdir()]
    ['a.json']
    """
    beside = path.with_name(path.name + ".part")
    try:
        with beside.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def atomic_write_text(path: Path, text: str) -> None:
    """Writes a text file atomically; its directory must exist."""
    with atomic_write(path) as file:
        file.write(text)


def entries(directory: Path) -> list[Path]:
    r"""Lists a directory's entries, sorted by name; returns an empty list if it is missing or cannot be read.

    Invalid names count as missing, too: since Python 3.13 `Path.glob` raises `ValueError` for them instead of
    finding nothing.

    >>> entries(Path("not there")), entries(Path("half of a character: \ud800")), entries(Path("not a name: \0"))
    ([], [], [])
    """
    try:
        return sorted(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return []


POLL_INTERVAL_S = 1.0  # seconds between calls of `waiting` while another process holds a lock


@contextlib.contextmanager
def file_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Holds the lock of `path` among processes; calls `waiting` every `POLL_INTERVAL_S` until it is acquired.

    Raises:
        LockedError: the file system has no locks, and a process of another machine holds this one or left it behind.
    """
    lock = None
    while lock is None:
        try:
            lock = locks.acquire(append_suffix(path, ".lock"), POLL_INTERVAL_S)
        except locks.LockedError as error:
            if error.elsewhere:
                raise
            waiting()
    try:
        yield
    finally:
        lock.release()


def append_suffix(path: Path, suffix: str) -> Path:
    """Returns the path with `suffix` appended to its name."""
    return path.with_name(path.name + suffix)
