"""File locks among processes, also on file systems that have none, such as some network drives.

Where the system has file locks, it releases that of a process that ends. Elsewhere a lock is a file that exists, and
that a killed process leaves behind. It names its process, so that one of this machine can be seen to be dead.
"""

import contextlib
import errno
import os
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from cifarlab.errors import UserError

if TYPE_CHECKING:
    import filelock

MARKER_SUFFIX = ".exists"
"""Ends the name of a file whose existence is the lock; it differs from a lock file, which stays after its release."""

_ENOTSUPP = 524  # the Linux kernel's own number, which some network drives let through
_NO_LOCKS = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOLCK, _ENOTSUPP}


class LockedError(UserError):
    """Another process holds a lock, or left it behind.

    Attributes:
        holder: the process, in words.
        advice: how to remove the lock if that process no longer runs; "" if the system does so.
        elsewhere: whether the process cannot be checked from this machine.
    """

    def __init__(self, path: Path, holder: str = "another process", advice: str = "", elsewhere: bool = False) -> None:
        """Takes the path of the lock as well."""
        super().__init__(f"{path} is in use by {holder}. Wait until that process has finished. {advice}".rstrip())
        self.holder, self.advice, self.elsewhere = holder, advice, elsewhere


def acquire(path: Path, timeout: float) -> "filelock.BaseFileLock":
    """Acquires a lock and returns it, to be released by its `release`.

    Args:
        path: the lock file; it is created, with its directory, and stays after the release.
        timeout: seconds to wait for another process.

    Raises:
        LockedError: another process still holds the lock, or may hold it.
    """
    import filelock

    path.parent.mkdir(parents=True, exist_ok=True)
    if has_flock(path.parent):
        return _acquired(filelock.FileLock(path), timeout, lambda: LockedError(path))
    marker = path.with_name(path.name + MARKER_SUFFIX)
    if _is_dead(*_read_marker(marker)):
        marker.unlink(missing_ok=True)
    lock = _acquired(filelock.SoftFileLock(marker), timeout, lambda: _locked_by(path, marker))
    if not marker.read_bytes():  # filelock before 3.22 does not name the process
        marker.write_text(f"{os.getpid()}\n{socket.gethostname()}\n", encoding="utf-8")
    return lock


def _acquired(
    lock: "filelock.BaseFileLock", timeout: float, locked: Callable[[], LockedError]
) -> "filelock.BaseFileLock":
    import filelock

    try:
        lock.acquire(timeout=timeout)
    except filelock.Timeout:
        raise locked() from None
    return lock


def _locked_by(path: Path, marker: Path) -> LockedError:
    process, host = _read_marker(marker)
    holder = f"process {process} on {host}" if process else "another process"
    advice = f"If it no longer runs, delete {marker} and try again."
    return LockedError(path, holder, advice, elsewhere=host != socket.gethostname())


def has_flock(directory: Path) -> bool:
    """Returns whether files in a directory can be locked by the system.

    Raises:
        OSError: no file can be created there.
    """
    try:
        import fcntl
    except ModuleNotFoundError:  # Windows, whose locks work on every drive
        return True
    with tempfile.TemporaryFile(dir=directory) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return False
            raise
    return True


def _read_marker(marker: Path) -> tuple[int, str]:
    """Returns the process and the host that a marker names, or (0, "")."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = marker.read_text(encoding="utf-8").splitlines()
        return int(lines[0]), lines[1]
    return 0, ""


def _is_dead(process: int, host: str) -> bool:
    """Returns whether a process surely no longer runs: it ran on this machine, which has no such process."""
    if process <= 0 or host != socket.gethostname():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False
