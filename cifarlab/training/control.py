"""Control: the only way to change a run in progress, from another thread or with Ctrl-C."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from cifarlab.training.state import TrainState

StateCallback = Callable[[TrainState], None]


class Control:
    """Stops, pauses or resumes a run, scales its learning rate or reads its weights; safe to use from any thread.

    The training loop checks for requests before each step and carries them out there. A changed learning rate affects
    the weights, so it is logged and saved in the checkpoint.

    Attributes:
        stop_signal: the number of the signal that requested the stop, or None.

    >>> control = Control()
    >>> control.pause()
    >>> control.paused
    True
    """

    def __init__(self) -> None:
        """Starts without any request."""
        self._changed = threading.Condition()
        self._stop_requested = self._paused = False
        self.stop_signal: int | None = None
        self._learning_rate_factor: float | None = None
        self._pending_calls: list[StateCallback] = []

    def stop(self) -> None:
        """Ends the run after the current step and saves a checkpoint; this also ends a paused run."""
        with self._changed:
            self._stop_requested, self._paused = True, False
            self._changed.notify_all()

    def pause(self) -> None:
        """Pauses the run before its next step, unless a stop was requested."""
        with self._changed:
            self._paused = not self._stop_requested

    def resume(self) -> None:
        """Resumes a paused run."""
        with self._changed:
            self._paused = False
            self._changed.notify_all()

    @property
    def stop_requested(self) -> bool:
        """Returns whether a stop was requested."""
        return self._stop_requested

    @property
    def paused(self) -> bool:
        """Returns whether a pause was requested."""
        return self._paused

    def wait_while_paused(self) -> bool:
        """Blocks until the run is resumed or stopped, or a call is pending. Returns whether it is still paused."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending_calls or not self._paused)
            return self._paused

    def call_between_steps(self, function: StateCallback) -> None:
        """Requests a call of a function with the run's state, on the run's thread, between two steps or in a pause.

        Args:
            function: may read and copy the state, but must not change it; it should return quickly, as the run waits.
        """
        with self._changed:
            self._pending_calls.append(function)
            self._changed.notify_all()

    def pop_pending_calls(self) -> list[StateCallback]:
        """Returns the functions passed to `call_between_steps` since the last time."""
        with self._changed:
            calls, self._pending_calls = self._pending_calls, []
        return calls

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate by a factor, starting with the next step; 1 restores the schedule.

        Raises:
            ValueError: the factor is not a finite number above zero.
        """
        if not 0 < factor < float("inf"):
            raise ValueError(f"the learning rate factor must be a finite number above zero; got {factor!r}.")
        with self._changed:
            self._learning_rate_factor = float(factor)

    def pop_learning_rate_factor(self) -> float | None:
        """Returns the factor that was requested since the last time, or None."""
        with self._changed:
            factor, self._learning_rate_factor = self._learning_rate_factor, None
        return factor


@contextmanager
def stop_on_interrupt(control: Control) -> Iterator[threading.Event]:
    """Makes Ctrl-C, SIGTERM or SIGHUP request a stop after the current step.

    A second Ctrl-C or SIGTERM raises KeyboardInterrupt. SIGHUP never does: a terminal that is closed sends it twice, as
    the system and as the shell, and it may come before or after a SIGTERM. If SIGHUP is ignored, as by `nohup`, it
    stays ignored.

    Yields:
        An event that is set by the first signal.
    """
    interrupted, pressed = threading.Event(), list[int]()

    def handle(signum: int, frame: Any) -> None:
        if pressed and signum != hangup:
            raise KeyboardInterrupt
        pressed.extend([signum] * (signum != hangup))
        if not interrupted.is_set():
            control.stop_signal = signum
        interrupted.set()
        control.stop()

    hangup = getattr(signal, "SIGHUP", None)  # Windows has none
    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():  # Python sets signal handlers only in this thread
            numbers = [signal.SIGINT, signal.SIGTERM]
            if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
                numbers.append(hangup)
            for number in numbers:
                stack.callback(signal.signal, number, signal.signal(number, handle))
        yield interrupted
