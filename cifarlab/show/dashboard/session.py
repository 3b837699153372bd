"""Session: a run on a thread of its own, steered through its `Control`; none runs unseen."""

import atexit
import copy
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from cifarlab.backend import tf
from cifarlab.config import TrainConfig
from cifarlab.data import datasets
from cifarlab.data.datasets import DataSet
from cifarlab.data.download import Progress
from cifarlab.data.pipeline import inputs
from cifarlab.errors import UserError
from cifarlab.evaluation.precision import precision_at_1, predictions
from cifarlab.show.console import progress_line
from cifarlab.show.dashboard.watcher import Watch
from cifarlab.training.control import Control
from cifarlab.training.loop import train
from cifarlab.training.observers import Observer
from cifarlab.training.runlog import RunLog
from cifarlab.training.step import TrainState

SECONDS_TO_SAVE = 4.0
"""What a run gets to stop and save when its process ends; Jupyter kills a kernel after 5."""


class Session:
    """One run, from its start on a thread to its end.

    Attributes:
        config: its settings.
        watch: what is seen of it.
        control: how it is steered.
        error: one line on what ended it, or made an evaluation fail; "" if nothing did.
        traceback: where in the code, if it was not the user's to mend.

    >>> import tempfile
    >>> session = Session(TrainConfig(dataset="drawn", train_dir=tempfile.mkdtemp(), max_steps=2, batch_size=8))
    >>> session.wait(), session.status, session.watch.steps_done
    (True, 'ended', 2)
    """

    def __init__(
        self,
        config: TrainConfig,
        *,
        network: tf.Module | Callable[[], tf.Module] | None = None,
        dataset: DataSet | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Starts the run; the arguments are those of `train`."""
        self.config = config
        self.watch, self.control = Watch(), Control()
        self.error = self.traceback = self.progress = ""
        self._network, self._dataset, self._observers = network, dataset, observers
        self._state: TrainState | None = None
        self._ended = threading.Event()
        self._evaluation: threading.Thread | None = None
        self._wants_evaluation = False
        self._training = _thread("training", config, self._train)
        self._be_remembered()
        self._training.start()

    @property
    def status(self) -> str:
        """In one word: starting, running, paused, stopping, ended or failed."""
        if self._ended.is_set():
            return "failed" if self.error and self._state is None else "ended"
        if self.control.stopped:
            return "stopping"
        if self.watch.run is None:
            return "starting"
        return "paused" if self.control.paused else "running"

    @property
    def evaluating(self) -> bool:
        """Whether an evaluation was asked for and is not done yet."""
        return self._wants_evaluation

    @property
    def busy(self) -> bool:
        """Whether it trains or evaluates."""
        return not self._ended.is_set() or self._wants_evaluation

    def pause(self) -> None:
        """Holds the run before its next step."""
        self.control.pause()
        if self.control.paused:
            self.watch.note("pause")

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate with a factor from the next step on."""
        self.control.scale_learning_rate(factor)
        self.watch.note("learning_rate_factor", factor=factor)

    def evaluate(self) -> None:
        """Finds precision @ 1 on the test pictures, beside the run, of the raw and averaged weights of this step."""
        if not self._wants_evaluation:
            self._wants_evaluation = True
            self._be_remembered()
            self.control.look(self._copy_and_evaluate)
            self._answer_looks_after_the_end()

    def wait(self, seconds: float | None = None) -> bool:
        """Waits until the run has ended, or so many seconds; whether it has."""
        return self._ended.wait(seconds)

    def _train(self) -> None:
        try:
            if self._dataset is None:
                config = self.config
                self._dataset = datasets.load(config.dataset, config.data_dir, progress=self._note_progress)
            self._state = train(
                self.config,
                network=self._network,
                dataset=self._dataset,
                observers=[*self._observers, self.watch],
                control=self.control,
            )
        except UserError as error:
            self.error = str(error)
        except Exception as error:  # somebody's own network or observer: shown, not lost with the thread
            self._note_error(error)
        finally:
            self._ended.set()
            self._answer_looks_after_the_end()
            self._be_forgotten()

    def _note_progress(self, progress: Progress) -> None:
        self.progress = progress_line(progress)

    def _note_error(self, error: Exception) -> None:
        self.error, self.traceback = f"{type(error).__name__}: {error}", traceback.format_exc()

    def _answer_looks_after_the_end(self) -> None:
        """The loop answers them while there is one; asked just before its end or later, they are answered here."""
        if self._ended.is_set():
            for look in self.control.take_looks():
                if self._state is not None:
                    look(self._state)
                else:
                    self._wants_evaluation = False

    def _copy_and_evaluate(self, state: TrainState) -> None:
        networks = {"raw": copy.deepcopy(state.network), "averaged": copy.deepcopy(state.averages)}
        step = int(state.step.numpy())
        self._evaluation = _thread("evaluation", self.config, lambda: self._evaluate(networks, step))
        self._evaluation.start()

    def _evaluate(self, networks: dict[str, tf.Module], step: int) -> None:
        try:
            assert self._dataset is not None  # a run has loaded it before its first step
            found = {name: precision_at_1(*predictions(net, inputs(self._dataset))) for name, net in networks.items()}
            event = {**found, "images": self._dataset.num_examples("test")}
            RunLog(self.config.train_dir).append("evaluation", step, **event)
            self.watch.history.append({"event": "evaluation", "step": step, **event})
        except Exception as error:
            self._note_error(error)
        finally:
            self._wants_evaluation = False
            self._be_forgotten()

    def _be_remembered(self) -> None:
        """Whoever ends the process, as a restart of a kernel does, has the run saved first."""
        atexit.register(self._close)

    def _be_forgotten(self) -> None:
        if not self.busy:
            atexit.unregister(self._close)

    def _close(self) -> None:
        """Stops the run and waits until it has saved, for a while."""
        end = time.monotonic() + SECONDS_TO_SAVE
        self.control.stop()
        for thread in (self._training, self._evaluation):
            if thread is not None and thread.is_alive():
                thread.join(max(0.0, end - time.monotonic()))


def _thread(work: str, config: TrainConfig, function: Callable[[], None]) -> threading.Thread:
    """Named after its work and the run's folder, so that a list of threads says what each is for."""
    return threading.Thread(target=function, name=f"cifarlab {work}: {Path(config.train_dir)}", daemon=True)
