"""How long a batch takes, and how much of it is waiting for input."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StepTimer:
    """Seconds a batch and seconds of waiting for input, since the last record; pauses apart.

    >>> timer = StepTimer()
    >>> timer.batches += 2
    >>> seconds_a_batch, waited_a_batch = timer.lap(restart=True)
    >>> timer.batches
    0
    """

    def __init__(self) -> None:
        """Starts now."""
        self._restart()

    def _restart(self) -> None:
        self.batches = 0
        self._started, self._waited, self._paused = time.perf_counter(), 0.0, 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """The time in this block was spent waiting for input."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The time in this block counts for nothing."""
        start = time.perf_counter()
        yield
        self._paused += time.perf_counter() - start

    def lap(self, restart: bool) -> tuple[float, float]:
        """Seconds a batch, and of them waiting; both since the last restart."""
        batches = max(self.batches, 1)
        seconds = max(time.perf_counter() - self._started - self._paused, 1e-9) / batches
        wait = self._waited / batches
        if restart:
            self._restart()
        return seconds, wait
