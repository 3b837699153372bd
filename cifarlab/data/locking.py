"""One process at a time: a lock that the others wait for, on every platform."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

WAIT_S = 1.0  # between two looks at what another process is fetching


@contextlib.contextmanager
def alone(path: Path, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
    """Keeps other processes away from `path`; calls `waiting` now and then while one keeps this one away."""
    import filelock

    lock = filelock.FileLock(path.with_name(path.name + ".lock"))
    while not lock.is_locked:
        try:
            lock.acquire(timeout=WAIT_S)
        except filelock.Timeout:
            waiting()
    try:
        yield
    finally:
        lock.release()
