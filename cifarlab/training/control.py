"""Control: the only way to steer a run from outside, from another thread or from Ctrl-C."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cifarlab.training.state import TrainState

StateCallback = Callable[[TrainState], None]


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
        self._stop_requested = self._paused = False
        self._learning_rate_factor: float | None = None
        self._pending_calls: list[StateCallback] = []

    def stop(self) -> None:
        """Ends the run after the present step, with a checkpoint; also one that is paused."""
        with self._changed:
            self._stop_requested, self._paused = True, False
            self._changed.notify_all()

    def pause(self) -> None:
        """Holds the run before its next step; one that shall stop is not held."""
        with self._changed:
            self._paused = not self._stop_requested

    def resume(self) -> None:
        """Lets a paused run go on."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def stop_requested(self) -> bool:
        """Whether the run was asked to end."""
        return self._stop_requested

    @property
    def paused(self) -> bool:
        """Whether the run was asked to wait."""
        return self._paused

    def wait_while_paused(self) -> bool:
        """Returns when the run may go on or shall stop, or somebody wants to look; whether it is still paused."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending_calls or not self._paused)
            return self._paused

    def call_between_steps(self, function: StateCallback) -> None:
        """Has a function called with the run's state between two steps, on the run's thread, also while it is paused.

        Args:
            function: may copy what it sees, soon, for the run waits; must not change it.
        """
        with self._changed:
            self._pending_calls.append(function)
            self._changed.notify_all()

    def pop_pending_calls(self) -> list[StateCallback]:
        """The functions that were asked to be called since the last call."""
        with self._changed:
            calls, self._pending_calls = self._pending_calls, []
        return calls

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate with a factor from the next step on; 1 is the schedule's own.

        Raises:
            ValueError: the factor is not a number above zero.
        """
        if not 0 < factor < float("inf"):
            raise ValueError(f"the learning rate's factor is a number above zero; got {factor!r}.")
        with self._changed:
            self._learning_rate_factor = float(factor)

    def pop_learning_rate_factor(self) -> float | None:
        """The factor that was asked for since the last call, or None."""
        with self._changed:
            factor, self._learning_rate_factor = self._learning_rate_factor, None
        return factor


@contextmanager
def stop_on_interrupt(control: Control) -> Iterator[threading.Event]:
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
