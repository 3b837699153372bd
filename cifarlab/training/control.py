"""Control: the only way to steer a run from outside, from another thread or from Ctrl-C."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cifarlab.training.state import TrainState

Look = Callable[[TrainState], None]


class Control:
    """Stop, pause, resume and the learning rate of a run, and a look at its weights; safe to call from any thread.

    The loop turns here once a step. What was asked for is done between two steps; what changes the weights, the
    learning rate, is written to the run's log and kept in the checkpoint.

    >>> control = Control()
    >>> control.pause()
    >>> control.paused
    True
    """

    def __init__(self) -> None:
        """Lets the run run."""
        self._changed = threading.Condition()
        self._stopped = self._paused = False
        self._learning_rate_factor: float | None = None
        self._looks: list[Look] = []

    def stop(self) -> None:
        """Ends the run after the present step, with a checkpoint; also one that is paused."""
        with self._changed:
            self._stopped, self._paused = True, False
            self._changed.notify_all()

    def pause(self) -> None:
        """Holds the run before its next step; one that shall stop is not held."""
        with self._changed:
            self._paused = not self._stopped

    def resume(self) -> None:
        """Lets a paused run go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def stopped(self) -> bool:
        """Whether the run was asked to end."""
        return self._stopped

    @property
    def paused(self) -> bool:
        """Whether the run was asked to wait."""
        return self._paused

    def wait_while_paused(self) -> bool:
        """Returns when the run may go on or shall stop, or somebody wants to look; whether it is still paused."""
        with self._changed:
            self._changed.wait_for(lambda: self._looks or not self._paused)
            return self._paused

    def look(self, function: Look) -> None:
        """Has a function called with the run's state between two steps, on the run's thread, also while it is paused.

        Args:
            function: may copy what it sees, soon, for the run waits; must not change it.
        """
        with self._changed:
            self._looks.append(function)
            self._changed.notify_all()

    def take_looks(self) -> list[Look]:
        """The functions that were asked to be called since the last call."""
        with self._changed:
            looks, self._looks = self._looks, []
        return looks

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate with a factor from the next step on; 1 is the schedule's own.

        Raises:
            ValueError: the factor is not a number above zero.
        """
        if not 0 < factor < float("inf"):
            raise ValueError(f"the learning rate's factor is a number above zero; got {factor!r}.")
        with self._changed:
            self._learning_rate_factor = float(factor)

    def take_learning_rate_factor(self) -> float | None:
        """The factor that was asked for since the last call, or None."""
        with self._changed:
            factor, self._learning_rate_factor = self._learning_rate_factor, None
        return factor


@contextmanager
def interrupt_stops(control: Control) -> Iterator[threading.Event]:
    """While the block runs, Ctrl-C or SIGTERM asks for a stop after the present step; a second one interrupts it."""
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
