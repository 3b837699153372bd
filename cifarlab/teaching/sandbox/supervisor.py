"""Ends all processes of a notebook, however they hide, and removes its files, however deep and closed they are."""

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

# What prctl calls it: descendants whose parent ends become this process's children, not the system's.
PR_SET_CHILD_SUBREAPER = 36


def fork_supervised(grader: int, folder: str) -> None:
    """Returns in a child. This process waits for the child's end or the grader's, and ends all that is left.

    It runs nothing of a student's, so that a notebook which ends its parent has ended nobody else's.

    Args:
        grader: the process that started this one; it may be gone already.
        folder: where the notebook's files are; the grader removes it, unless it is gone.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if not child:
        os.environ["JPY_PARENT_PID"] = str(os.getppid())  # a kernel ends itself when that one is gone
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Jupyter interrupts both; it means the child
    ended = 0
    while ended != child and os.getppid() == grader:
        ended = os.waitpid(-1, os.WNOHANG)[0]
        if not ended:
            time.sleep(0.05)
    kill_descendants(psutil.Process())
    _end_children()
    if os.getppid() != grader:
        remove_tree(folder)
    os._exit(1)


def kill_descendants(parent: psutil.Process, others: Iterable[psutil.Process] = (), *, seconds: float = 10) -> None:
    """Ends all that descends from a process, and others.

    Each is stopped first: what is stopped starts nothing new.

    Args:
        parent: whose descendants end; it goes on, also where they had stopped it.
        others: which end, too, where they still run.
        seconds: after which it gives up; the system may keep a process that waits for a device.
    """
    until = time.monotonic() + seconds
    while (left := _running(parent, others)) and time.monotonic() < until:
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for process in left:
                with contextlib.suppress(psutil.Error):  # also when its number is another's by now
                    process.send_signal(number)
        time.sleep(0.01)
    with contextlib.suppress(psutil.Error):
        parent.resume()


def _end_children(seconds: float = 10) -> None:
    """Ends this process's children until it has none, and so, as orphans come to it, no descendant either.

    `kill_descendants` can miss what is born while it looks, and gives up where it sees nobody. Here the system says who
    is left.

    Args:
        seconds: after which it gives up, as `kill_descendants` does.
    """
    until = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):  # nobody is
        while time.monotonic() < until:
            for pid in _children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
            time.sleep(0.001)  # a kill takes its time


def _children() -> list[int]:
    """This process's children; Linux tells them sooner than some of them can be over."""
    try:
        return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
    except OSError:
        return [child.pid for child in psutil.Process().children()]


def remove_tree(folder: str | os.PathLike) -> None:
    """Removes a folder; Python's own way to do it ends where folders are too deep."""
    for command in (["chmod", "-R", "u+rwX"], ["rm", "-rf"]):
        subprocess.run([*command, os.fspath(folder)], stderr=subprocess.DEVNULL, check=False)


def _running(parent: psutil.Process, others: Iterable[psutil.Process]) -> list[psutil.Process]:
    found, running = set(others), []
    with contextlib.suppress(psutil.Error):
        found.update(parent.children(recursive=True))
    for process in found - {parent}:
        with contextlib.suppress(psutil.Error):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                running.append(process)
    return running
