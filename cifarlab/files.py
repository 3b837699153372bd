"""Files written whole or not at all, what a folder holds, and one process at a time."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def atomic_write(path: Path, mode: str = "w") -> Iterator[IO[Any]]:
    """A file to write, beside its place, where it is moved at the end, so that a kill leaves the old one or the new.

    Args:
        path: its folder is there.
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
    """Writes all that a file holds, whole or not at all; its folder is there."""
    with atomic_write(path) as file:
        file.write(text)


def entries(folder: Path) -> list[Path]:
    r"""List what a folder holds, sorted by name; nothing where it cannot be listed because it is not there.

    That includes a name which no folder can have: from Python 3.13 on, `Path.glob` raises `ValueError` for one, where
    it found nothing before.

    >>> entries(Path("not there")), entries(Path("half of a character: \ud800")), entries(Path("not a name: \0"))
    ([], [], [])
    """
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError, PermissionError, ValueError):
        return []


POLL_INTERVAL_S = 1.0  # between two looks at what another process is fetching


@contextlib.contextmanager
def file_lock(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keeps other processes away from `path`; calls `waiting` now and then while one keeps this one away."""
    import filelock

    lock = filelock.FileLock(path.with_name(path.name + ".lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=POLL_INTERVAL_S)
        except filelock.Timeout:
            waiting()
    try:
        yield
    finally:
        lock.release()


def append_suffix(path: Path, ending: str) -> Path:
    """The path in the same folder whose name is longer by `ending`."""
    return path.with_name(path.name + ending)
