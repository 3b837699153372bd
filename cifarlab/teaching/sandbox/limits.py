"""What a notebook may use, and the thread that sees to it."""

import contextlib
import dataclasses
import errno
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from cifarlab.teaching.sandbox import supervisor

_UNBOUNDED = 1 << 60
WRITE_FACTOR = 4
"""Times what a notebook's files may take, that it may write in all; files are also removed and written anew."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """What one notebook may use.

    Attributes:
        cell_seconds: of one cell; then it is interrupted, and the next one runs.
        seconds: of the whole notebook; then its kernel is ended.
        memory_mb: of its kernel and all processes that it starts, resident, in 10^6 bytes, and the same of what the
            grader's process takes more than before, for what they send; then they are ended.
        output_mb: of what it prints, in 10^6 characters; then its cell is interrupted.
        disk_mb: of files in its folder, in 10^6 bytes, and four times that of all that it writes; then it is ended.
    """

    cell_seconds: float = 120
    seconds: float = 600
    memory_mb: float = 4000
    output_mb: float = 1
    disk_mb: float = 500


class ResourceMonitor(threading.Thread):
    """Ends a kernel, and whatever it started, when it uses too much.

    Attributes:
        reason: why it was ended; "" while it was not.
    """

    def __init__(self, supervisor_pid: int, folder: Path, limits: Limits) -> None:
        """Watches nothing yet.

        Args:
            supervisor_pid: the process whose descendants are the notebook's.
            folder: where its files are.
            limits: what it may use.
        """
        super().__init__(daemon=True)
        self.limits, self.folder, self.reason = limits, folder, ""
        self.supervisor, self.grader = psutil.Process(supervisor_pid), psutil.Process()
        self.resident_before = _resident(self.grader)
        self.seen: set[psutil.Process] = set()
        self.written: dict[psutil.Process, int] = {}
        self.finished, self.started = threading.Event(), time.monotonic()

    def run(self) -> None:
        """Looks ten times a second, until it is told to finish."""
        while not self.finished.wait(0.1):
            self.reason = self.reason or self.exceeded_limit()
            if self.reason:
                supervisor.kill_descendants(self.supervisor, self.seen)

    def exceeded_limit(self) -> str:
        """What the notebook uses too much of, in words, or ""."""
        with contextlib.suppress(psutil.Error):
            self.seen.update(self.supervisor.children(recursive=True))
        self.written |= {process: size for process in self.seen if (size := _written(process))}
        if time.monotonic() - self.started > self.limits.seconds:
            return f"the notebook took more than {self.limits.seconds:g} s"
        if sum(map(_resident, self.seen)) > 1e6 * self.limits.memory_mb:
            return f"the notebook used more than {self.limits.memory_mb:g} MB of memory"
        if _resident(self.grader) - self.resident_before > 1e6 * self.limits.memory_mb:
            return f"the notebook sent more than {self.limits.memory_mb:g} MB at once"
        if max(_size(self.folder), sum(self.written.values()) / WRITE_FACTOR) > 1e6 * self.limits.disk_mb:
            return f"the notebook wrote more than {self.limits.disk_mb:g} MB to disk"
        return ""


@contextlib.contextmanager
def monitored(supervisor_pid: int, folder: Path, limits: Limits) -> Iterator[ResourceMonitor]:
    """Watches a notebook; ends all its processes afterwards. The arguments are those of `ResourceMonitor`."""
    monitor = ResourceMonitor(supervisor_pid, folder, limits)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.finished.set()
        monitor.join()
        supervisor.kill_descendants(monitor.supervisor, monitor.seen)
        with contextlib.suppress(psutil.Error):
            monitor.supervisor.wait(10)  # it ends by itself, when nobody is left whom it has to end


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _written(process: psutil.Process) -> int:
    """Bytes that a process has written to disks, wherever; only some systems count them."""
    with contextlib.suppress(psutil.Error, AttributeError):
        return process.io_counters().write_bytes
    return 0


def _size(folder: Path) -> int:
    """Bytes of all files below a folder, each of at least a block; without end where folders are too deep to name."""
    size, folders = 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    size += max(4096, entry.stat(follow_symlinks=False).st_size)
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
        except OSError as problem:  # it may also have gone meanwhile, or be closed
            size += _UNBOUNDED if problem.errno == errno.ENAMETOOLONG else 0
    return size
