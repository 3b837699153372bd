"""Resource limits of a notebook, and the thread that enforces them."""

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
"""A notebook may write this many times its disk quota in total, since files can be deleted and rewritten."""


@dataclasses.dataclass(frozen=True)
class Limits:
    """Resource limits of one notebook.

    Attributes:
        cell_seconds: time limit of a cell, in seconds. The cell is then interrupted, and the next one runs.
        seconds: time limit of the whole notebook, in seconds. Its kernel is then killed.
        memory_mb: limit on the resident memory of the kernel and all processes that it starts, in 10^6 bytes, and on
            the growth of the grader's memory by what they send. The kernel is then killed.
        output_mb: limit on printed text, in 10^6 characters. The cell is then interrupted.
        disk_mb: limit on the files in its directory, in 10^6 bytes; it may write four times as much in total. The
            kernel is then killed.
    """

    cell_seconds: float = 120
    seconds: float = 600
    memory_mb: float = 4000
    output_mb: float = 1
    disk_mb: float = 500


class ResourceMonitor(threading.Thread):
    """A thread that kills a kernel and all its descendants when they exceed a limit.

    Attributes:
        reason: the limit that was exceeded, as text; "" if none was.
    """

    def __init__(self, supervisor_pid: int, scratch: Path, limits: Limits) -> None:
        """Prepares the monitor, without starting it.

        Args:
            supervisor_pid: the process whose descendants belong to the notebook.
            scratch: the directory of the notebook's files.
            limits: the limits to enforce.
        """
        super().__init__(daemon=True)
        self.limits, self.scratch, self.reason = limits, scratch, ""
        self.supervisor, self.grader = psutil.Process(supervisor_pid), psutil.Process()
        self.resident_before = _resident(self.grader)
        self.seen: set[psutil.Process] = set()
        self.written: dict[psutil.Process, int] = {}
        self.finished, self.started = threading.Event(), time.monotonic()

    def run(self) -> None:
        """Checks the limits ten times per second until `finished` is set."""
        while not self.finished.wait(0.1):
            self.reason = self.reason or self.exceeded_limit()
            if self.reason:
                supervisor.kill_descendants(self.supervisor, self.seen)

    def exceeded_limit(self) -> str:
        """Returns the limit that the notebook exceeds, as text, or ""."""
        with contextlib.suppress(psutil.Error):
            self.seen.update(self.supervisor.children(recursive=True))
        self.written |= {process: size for process in self.seen if (size := _written(process))}
        if time.monotonic() - self.started > self.limits.seconds:
            return f"the notebook took more than {self.limits.seconds:g} s"
        if sum(map(_resident, self.seen)) > 1e6 * self.limits.memory_mb:
            return f"the notebook used more than {self.limits.memory_mb:g} MB of memory"
        if _resident(self.grader) - self.resident_before > 1e6 * self.limits.memory_mb:
            return f"the notebook sent more than {self.limits.memory_mb:g} MB at once"
        if max(_size(self.scratch), sum(self.written.values()) / WRITE_FACTOR) > 1e6 * self.limits.disk_mb:
            return f"the notebook wrote more than {self.limits.disk_mb:g} MB to disk"
        return ""


@contextlib.contextmanager
def monitored(supervisor_pid: int, scratch: Path, limits: Limits) -> Iterator[ResourceMonitor]:
    """Monitors a notebook, and kills all its processes afterwards. The arguments are those of `ResourceMonitor`."""
    monitor = ResourceMonitor(supervisor_pid, scratch, limits)
    monitor.start()
    try:
        yield monitor
    finally:
        monitor.finished.set()
        monitor.join()
        supervisor.kill_descendants(monitor.supervisor, monitor.seen)
        with contextlib.suppress(psutil.Error):
            monitor.supervisor.wait(10)  # it exits when it has no descendants left


def _resident(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _written(process: psutil.Process) -> int:
    """Returns the bytes that a process has written to any disk; 0 on systems that do not count them."""
    with contextlib.suppress(psutil.Error, AttributeError):
        return process.io_counters().write_bytes
    return 0


def _size(directory: Path) -> int:
    """Returns the bytes of all files below a directory, at least a block each; huge if a path is too long to open."""
    size, waiting = 0, [str(directory)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    size += max(4096, entry.stat(follow_symlinks=False).st_size)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except OSError as problem:  # the directory may also have been removed, or be unreadable
            size += _UNBOUNDED if problem.errno == errno.ENAMETOOLONG else 0
    return size
