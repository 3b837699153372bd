"""Measures the time per batch, and how much of it is spent waiting for input."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class StepTimer:
    """Seconds per batch and seconds of waiting per batch since the last restart, without pauses.

    >>> timer = StepTimer()
    >>> timer.batches += 2
    >>> seconds_per_batch, waiting_per_batch = timer.lap(restart=True)
    >>> timer.batches
    0
    """

    def __init__(self) -> None:
        """Starts the clock."""
        self._restart()

    def _restart(self) -> None:
        self.batches = 0
        self._started, self._waited, self._paused = time.perf_counter(), 0.0, 0.0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Counts the time in this block as waiting for input."""
        start = time.perf_counter()
        yield
        self._waited += time.perf_counter() - start

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Excludes the time in this block."""
        start = time.perf_counter()
        yield
        self._paused += time.perf_counter() - start

    def lap(self, restart: bool) -> tuple[float, float]:
        """Returns seconds per batch, and seconds of waiting per batch, since the last restart."""
        batches = max(self.batches, 1)
        seconds = max(time.perf_counter() - self._started - self._paused, 1e-9) / batches
        wait = self._waited / batches
        if restart:
            self._restart()
        return seconds, wait
