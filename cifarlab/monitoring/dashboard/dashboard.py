"""Dashboard: shows and controls a run inside a notebook."""

import copy
import dataclasses
import functools
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from cifarlab.backend import tf
from cifarlab.config import ConfigError, TrainConfig
from cifarlab.data.dataset import DataSet
from cifarlab.data.distortions import Distortion
from cifarlab.errors import UserError
from cifarlab.monitoring.dashboard.background_run import BackgroundRun
from cifarlab.monitoring.dashboard.fallback import TextDisplay
from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.monitoring.dashboard.status import DashboardStatus, current_status
from cifarlab.training.observers import Observer


class Dashboard:
    """Training inside a notebook: start, pause, stop, evaluate, change the learning rate, and see the progress.

    Each directory has only one dashboard: while its run is active, creating it again, for example by running a cell
    twice, returns the same one. The run has a background thread, so the notebook stays usable. It continues when the
    page is closed; when the kernel ends, it is stopped and saved. Without widgets, `wait` prints one line per second
    and saves a figure of the curves in the run's directory.

    Attributes:
        config: the settings of the current run, or of the next one.
        run: the current or latest run; None before the first.
        monitor: the recorded events of that run; before the first run, those of the log in the directory.

    >>> import tempfile
    >>> config = TrainConfig(dataset="drawn", train_dir=tempfile.mkdtemp(), max_steps=2, batch_size=8)
    >>> board = Dashboard(config)
    >>> board.start()
    >>> board.run.wait(), board.status.phase, board.status.steps_done
    (True, 'ended', 2)
    >>> board.close()
    """

    _by_directory: ClassVar[dict[Path, "Dashboard"]] = {}

    def __new__(cls, config: TrainConfig | None = None, **run: Any) -> "Dashboard":
        """Returns the dashboard of a directory if its run is active, or else a new one that replaces it."""
        known = cls._by_directory.get(_directory(config))
        if known is not None and known.run is not None and known.run.busy:
            return known
        if known is not None:
            known.close()
        return super().__new__(cls)

    def __init__(
        self,
        config: TrainConfig | None = None,
        *,
        network: tf.Module | Callable[[], tf.Module] | None = None,
        dataset: DataSet | None = None,
        distortions: Sequence[Distortion] | None = None,
        observers: Sequence[Observer] = (),
    ) -> None:
        """Starts nothing yet.

        Args:
            config: as for `train`.
            network: as for `train`; each run gets a copy.
            dataset: as for `train`; if given, the dashboard does not offer a choice of datasets.
            distortions: as for `train`.
            observers: as for `train`; they are called on the run's thread, whose output a notebook does not show.
        """
        if hasattr(self, "config"):  # the existing dashboard of an active run
            self._message = "This run is already in progress and keeps its own settings."
            return
        self.config = config or TrainConfig()
        self.run: BackgroundRun | None = None
        self.monitor = RunMonitor.of_log(self.config.train_dir)
        copies = functools.partial(copy.deepcopy, network) if isinstance(network, tf.Module) else network
        self._arguments: dict[str, Any] = {
            "network": copies,
            "dataset": dataset,
            "distortions": distortions,
            "observers": observers,
        }
        self._message, self._closed = "", False
        self._display = self._make_display(dataset)
        self._directory = _directory(config)
        self._by_directory[self._directory] = self

    def _make_display(self, dataset: DataSet | None) -> Any:
        if not has_widgets():
            return TextDisplay(self)
        from cifarlab.monitoring.dashboard.widget_display import WidgetDisplay

        return WidgetDisplay(self, dataset)

    @property
    def status(self) -> DashboardStatus:
        """Returns the current status."""
        return current_status(self.config, self.monitor, self.run, self._message)

    def start(self) -> None:
        """Starts a run or resumes it from its checkpoint; does nothing while one is active."""
        if self._closed:
            raise UserError("this dashboard was closed or replaced by another one. Create it again to start a run.")
        if self.run is not None and self.run.busy:
            self._say("A run or an evaluation is still in progress; wait until it has finished.")
            return
        try:
            self.config = self._chosen_config()
        except ConfigError as error:
            self._say(str(error))
            return
        self._message = ""
        self.run = BackgroundRun(self.config, **self._arguments)
        self.monitor = self.run.monitor
        self._display.start_updates()

    def _chosen_config(self) -> TrainConfig:
        """Returns the settings chosen in the widgets, with a new directory if an existing run should not be resumed."""
        directory, chosen = Path(self.config.train_dir), dict(self._display.settings())
        if not self._display.wants_resume and (directory / "config.json").exists():
            numbered = (directory.with_name(f"{directory.name}-{number}") for number in range(2, 10_000))
            chosen["train_dir"] = str(next(path for path in numbered if not path.exists()))
        return dataclasses.replace(self.config, **chosen)

    def pause(self) -> None:
        """Pauses the run before its next step."""
        self._control(lambda run: run.control.pause())

    def resume(self) -> None:
        """Resumes a paused run."""
        self._control(lambda run: run.control.resume())

    def stop(self) -> None:
        """Ends the run after the current step and saves it."""
        self._control(lambda run: run.control.stop())

    def evaluate(self) -> None:
        """Computes precision @ 1 of the current raw and averaged weights while the run continues."""
        self._control(BackgroundRun.evaluate)

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate by a factor, starting with the next step.

        Raises:
            ValueError: the factor is not a finite number above zero.
        """
        self._control(lambda run: run.scale_learning_rate(factor))

    def _control(self, action: Callable[[BackgroundRun], None]) -> None:
        if self.run is None:
            self._say("There is no run to control yet; start one first.")
            return
        action(self.run)
        self._say("")
        self._display.start_updates()

    def _say(self, message: str) -> None:
        self._message = message
        self._display.show()

    def wait(self) -> None:
        """Waits until the run has ended; an interrupt stops and saves it. Without widgets, prints a line per second."""
        while self.run is not None:
            try:
                while not self.run.wait(1.0):
                    self._display.tick()
                self._display.wait_for_updates()
                return
            except KeyboardInterrupt:
                self.stop()

    def close(self) -> None:
        """Stops the run if there is one, waits until it is saved, and closes the widgets."""
        if self.run is not None:
            self.run.control.stop()
            self.run.wait()
        self._closed = True
        self._display.close()
        if self._by_directory.get(self._directory) is self:
            del self._by_directory[self._directory]

    def _ipython_display_(self) -> None:
        self._display.display()


def _directory(config: TrainConfig | None) -> Path:
    return Path((config or TrainConfig()).train_dir).resolve()


def has_widgets() -> bool:
    """Returns whether widgets can be shown: this is the kernel of a notebook, and ipywidgets is installed."""
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")
