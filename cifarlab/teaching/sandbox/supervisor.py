"""Kills all processes of a notebook, even detached ones, and removes its files, even deep or protected ones."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import psutil

# An option of prctl(2): orphaned descendants become children of this process instead of init.
PR_SET_CHILD_SUBREAPER = 36


def fork_supervised(starter: int, directory: str) -> None:
    """Forks. The child returns; the parent waits until the child or the starter exits, then kills all descendants.

    The parent never runs a student's code. A notebook that kills its parent process kills only this supervisor.

    Args:
        starter: the ID of the process that started this one, the kernel server or the grader; it may have exited.
        directory: the notebook's files. The grader removes it; if the starter is gone, the parent does.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if not child:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter sends it to both processes, but only the child should get it
    ended = 0
    while ended != child and os.getppid() == starter:
        ended = os.waitpid(-1, os.WNOHANG)[0]
        if not ended:
            time.sleep(0.05)
    kill_descendants(psutil.Process())
    _end_children()
    if os.getppid() != starter:
        remove_tree(directory)
    os._exit(1)


def kill_descendants(parent: psutil.Process, others: Iterable[psutil.Process] = (), *, seconds: float = 10) -> None:
    """Kills all descendants of a process, and other processes.

    Each is stopped first, because a stopped process cannot start new ones.

    Args:
        parent: the process whose descendants are killed. It is resumed if they have stopped it.
        others: further processes to kill if they still run.
        seconds: timeout; the system may not be able to kill a process that waits for a device.
    """
    until = time.monotonic() + seconds
    while (left := _running(parent, others)) and time.monotonic() < until:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in left:
                with contextlib.suppress(psutil.Error):  # also if its process ID has been reused
                    process.send_signal(number)
        time.sleep(0.01)
    with contextlib.suppress(psutil.Error):
        parent.resume()


def _end_children(seconds: float = 10) -> None:
    """Kills this process's children until there are none; since it adopts orphans, no descendants are left then either.

    `kill_descendants` can miss processes that start while it lists them. Here the system reports the remaining ones.

    Args:
        seconds: timeout, as in `kill_descendants`.
    """
    until = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):  # raised when no children are left
        while time.monotonic() < until:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.001)  # killing takes a moment


def _children() -> list[int]:
    """Returns the IDs of this process's children; on Linux from /proc, fast enough to catch short-lived ones."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()]
    except OSError:
        return [child.pid for child in psutil.Process().children()]


def remove_tree(directory: str | os.PathLike) -> None:
    """Removes a directory tree; `shutil.rmtree` fails if it is too deep."""
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        subprocess.run([*command, os.fspath(directory)], stderr=subprocess.DEVNULL, check=False)


def _running(parent: psutil.Process, others: Iterable[psutil.Process]) -> list[psutil.Process]:
    found, running = set(others), []
    with contextlib.suppress(psutil.Error):
        found.update(parent.children(recursive=True))
    for process in found - {parent}:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running
