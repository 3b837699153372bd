"""Control: the only way to steer a run from outside, from another thread or from Ctrl-C."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any


class Control:
    """Stop, pause, resume and the learning rate of a run; safe to call from any thread.

    The loop looks here once a step. What was asked for is done between two steps; what changes the weights, the
    learning rate, is written to the run's log and kept in the checkpoint.

    >>> control = Control()
    >>> control.pause()
    >>> control.paused
    True
    """

    def __init__(self) -> None:
        """Lets the run run."""
        self._running = threading.Event()
        self._running.set()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._learning_rate_factor: float | None = None

    def stop(self) -> None:
        """Ends the run after the present step, with a checkpoint; also one that is paused."""
        self._stopped.set()
        self._running.set()

    def pause(self) -> None:
        """Holds the run before its next step."""
        self._running.clear()

    def resume(self) -> None:
        """Lets a paused run go on."""
        self._running.set()

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to end."""
        return self._stopped.is_set()

    @property
    def paused(self) -> bool:
        """Whether the run was asked to wait."""
        return not self._running.is_set()

    def wait_while_paused(self) -> None:
        """Returns when the run may go on, or shall stop."""
        self._running.wait()

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate with a factor from the next step on; 1 is the schedule's own.

        Raises:
            ValueError: the factor is not a number above zero.
        """
        if not 0 < factor < float("inf"):
            raise ValueError(f"the learning rate's factor is a number above zero; got {factor!r}.")
        with self._lock:
            self._learning_rate_factor = float(factor)

    def take_learning_rate_factor(self) -> float | None:
        """The factor that was asked for since the last call, or None."""
        with self._lock:
            factor, self._learning_rate_factor = self._learning_rate_factor, None
        return factor


@contextmanager
def interrupt_stops(control: Control) -> Iterator[threading.Event]:
    """While the block runs, Ctrl-C asks for a stop after the present step; a second Ctrl-C interrupts at once."""
    interrupted = threading.Event()

    def handle(signum: int, frame: Any) -> None:
        if interrupted.is_set():
            raise KeyboardInterrupt
        interrupted.set()
        control.stop()

    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():  # only there may Python set signal handlers
            for number in (signal.SIGINT, signal.SIGTERM):
                stack.callback(signal.signal, number, signal.signal(number, handle))
        yield interrupted
