"""BackgroundRun: a run on a background thread, controlled through its `Control`."""

import atexit
import copy
import signal
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data import registry
from cifarlab.data.dataset import DataSet
from cifarlab.data.distortions import Distortion
from cifarlab.data.pipeline import inputs
from cifarlab.data.sources.download import Progress
from cifarlab.errors import NotFiniteError, UserError, WorkerLostError
from cifarlab.evaluation.evaluator import Predictor
from cifarlab.monitoring.console import progress_line
from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.training.control import Control
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer
from cifarlab.training.run_log import RunLog
from cifarlab.training.state import TrainState

SAVE_TIMEOUT_S = 30.0
"""Seconds for runs to stop and save when their process ends; Jupyter kills a kernel 5 s after its first signal."""

_active_runs: set["BackgroundRun"] = set()


class BackgroundRun:
    """One session of a run (one call of `train`), on a background thread.

    Attributes:
        config: the settings.
        monitor: records the events of the run.
        control: controls the run.
        error: one line about the error that ended the run, or "".
        traceback: the traceback of an unexpected error, or "".
        evaluation_error: one line about the error of the latest evaluation, or "".
        download_progress: one line about a download while the run is starting, or "".

    >>> import tempfile
    >>> run = BackgroundRun(TrainConfig(dataset="drawn", train_dir=tempfile.mkdtemp(), max_steps=2, batch_size=8))
    >>> run.wait(), run.phase, run.monitor.steps_done
    (True, 'ended', 2)
    """

    def __init__(
        self,
        config: TrainConfig,
        *,
        network: tf.Module | Callable[[], tf.Module] | None = None,
        dataset: DataSet | None = None,
        distortions: Sequence[Distortion] | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Starts the run; the arguments are those of `train`."""
        self.config = config
        self.monitor, self.control = RunMonitor(), Control()
        self.error = self.traceback = self.evaluation_error = self.download_progress = ""
        self._network, self._dataset, self._distortions, self._observers = network, dataset, distortions, observers
        self._state: TrainState | None = None
        self._ended = threading.Event()
        self._evaluation: threading.Thread | None = None
        self._predictor: Predictor | None = None
        self._wants_evaluation = False
        self._factor: float | None = None
        self._training = _thread("training", config, self._train)
        _active_runs.add(self)
        self._training.start()

    @property
    def phase(self) -> str:
        """Returns "starting", "running", "paused", "stopping", "ended" or "failed"."""
        if self._ended.is_set():
            return "failed" if self.error and self._state is None else "ended"
        if self.control.stop_requested:
            return "stopping"
        if self.monitor.run is None:
            return "starting"
        return "paused" if self.control.paused else "running"

    @property
    def evaluating(self) -> bool:
        """Returns whether an evaluation was requested and has not finished."""
        return self._wants_evaluation

    @property
    def busy(self) -> bool:
        """Returns whether training or an evaluation is in progress."""
        return not self._ended.is_set() or self._wants_evaluation

    @property
    def factor(self) -> float | None:
        """Returns the requested or restored factor of the schedule's learning rate; None before training starts."""
        if self._factor is None and self.monitor.run is not None:
            self._factor = float(self.monitor.run.state.learning_rate_factor.numpy())
        return self._factor

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate by a factor, starting with the next step."""
        self.control.scale_learning_rate(factor)
        self._factor = factor

    def evaluate(self) -> None:
        """Computes precision @ 1 on the test images, for the raw and averaged weights of this step, in a thread."""
        if not self._wants_evaluation:
            self._wants_evaluation, self.evaluation_error = True, ""
            _active_runs.add(self)
            self.control.call_between_steps(self._copy_and_evaluate)
            self._answer_pending_calls()

    def wait(self, seconds: float = float("inf")) -> bool:
        """Waits until training and evaluation have ended, at most a number of seconds; returns whether they have."""
        end = time.monotonic() + seconds
        while self.busy and time.monotonic() < end:
            time.sleep(0.05)
        return not self.busy

    def _train(self) -> None:
        try:
            if self._dataset is None:
                config = self.config
                self._dataset = registry.load(config.dataset, config.data_dir, progress=self._note_progress)
            self._state = train(
                self.config,
                network=self._network,
                dataset=self._dataset,
                distortions=self._distortions,
                observers=[*self._observers, self.monitor],
                control=self.control,
            )
        except (UserError, NotFiniteError, WorkerLostError) as error:
            self.error = str(error)
        except Exception as error:  # from a custom network or observer; it would be lost with the thread
            self.error, self.traceback = f"{type(error).__name__}: {error}", traceback.format_exc()
        finally:
            self._ended.set()
            self._answer_pending_calls()
            self._forget()

    def _note_progress(self, progress: Progress) -> None:
        self.download_progress = progress_line(progress)
        if self.control.stop_requested:
            raise UserError("stopped during the download; the next start resumes it.")

    def _answer_pending_calls(self) -> None:
        """Runs calls that were requested too late for the training loop to run them."""
        if self._ended.is_set():
            for function in self.control.pop_pending_calls():
                if self._state is not None:
                    function(self._state)
                else:
                    self._wants_evaluation = False

    def _copy_and_evaluate(self, state: TrainState) -> None:
        """Starts an evaluation of copied weights; called on the run's thread, so it must not raise."""
        try:
            if self._predictor is None:  # evaluates all weights with one network, whose graph is traced only once
                self._predictor = Predictor(copy.deepcopy(state.network))
            networks = {"raw": state.network, "averaged": state.averages}
            weights = {name: [variable.numpy() for variable in net.variables] for name, net in networks.items()}
            step = int(state.step.numpy())
            self._evaluation = _thread("evaluation", self.config, lambda: self._evaluate(weights, step))
            self._evaluation.start()
        except Exception as error:
            self._end_evaluation(error)

    def _evaluate(self, weights: dict[str, list[np.ndarray]], step: int) -> None:
        try:
            assert self._dataset is not None  # it was loaded before the first step
            assert self._predictor is not None
            images = inputs(self._dataset)
            found = {name: self._predictor.precision_with_weights(values, images) for name, values in weights.items()}
            event = {**found, "images": self._dataset.num_examples("test")}
            RunLog(self.config.train_dir).append("evaluation", step, **event)
            self.monitor.on_event("evaluation", step, **event)
            self._end_evaluation()
        except Exception as error:
            self._end_evaluation(error)

    def _end_evaluation(self, error: Exception | None = None) -> None:
        if error is not None:
            self.evaluation_error = f"The evaluation failed: {type(error).__name__}: {error}."
        self._wants_evaluation = False
        self._forget()

    def _forget(self) -> None:
        if not self.busy:
            _active_runs.discard(self)

    def threads(self) -> list[threading.Thread]:
        """Returns the threads that are alive."""
        return [thread for thread in (self._training, self._evaluation) if thread is not None and thread.is_alive()]


@atexit.register
def _save_all() -> None:
    """Saves all runs before the process ends, for example when a kernel is restarted."""
    runs = list(_active_runs)
    if runs and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # Jupyter sends it after half of its timeout
    for run in runs:
        run.control.stop()
    end = time.monotonic() + SAVE_TIMEOUT_S
    for thread in [thread for run in runs for thread in run.threads()]:
        thread.join(max(0.0, end - time.monotonic()))


def _thread(work: str, config: TrainConfig, function: Callable[[], None]) -> threading.Thread:
    """Returns a thread that is named after its work and the run's directory."""
    return threading.Thread(target=function, name=f"cifarlab {work}: {Path(config.train_dir)}", daemon=True)
