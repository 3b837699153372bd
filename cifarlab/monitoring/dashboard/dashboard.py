"""Dashboard: a run that one can steer and watch inside a notebook."""

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
    """Training inside a notebook: start, pause, stop, evaluate, change the learning rate, and see what happens.

    A folder has one dashboard: made again while its run lasts, as by a cell that is run twice, it is the same one. The
    run is on a thread of its own, so the notebook stays free; it goes on when the page is closed, and is saved and
    ended with the kernel. Where there are no widgets, `wait` prints a line a second and leaves a
    picture of the curves in the run's folder.

    Attributes:
        config: the settings of the run, or of the next one.
        run: the present or latest run; None before the first.
        monitor: what is seen of it; before the first run, what its folder's log tells.

    >>> import tempfile
    >>> config = TrainConfig(dataset="drawn", train_dir=tempfile.mkdtemp(), max_steps=2, batch_size=8)
    >>> board = Dashboard(config)
    >>> board.start()
    >>> board.run.wait(), board.status.phase, board.status.steps_done
    (True, 'ended', 2)
    >>> board.close()
    """

    _of_folder: ClassVar[dict[Path, "Dashboard"]] = {}

    def __new__(cls, config: TrainConfig | None = None, **run: Any) -> "Dashboard":
        """The dashboard of a folder whose run lasts, or a new one in the place of the one before."""
        known = cls._of_folder.get(_folder(config))
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
            dataset: as for `train`; one that is given cannot be chosen on the screen.
            distortions: as for `train`.
            observers: as for `train`; they are called on the run's thread, from which a notebook shows nothing.
        """
        if hasattr(self, "config"):  # the one whose run lasts
            self._message = "This run lasted already, and goes on with its own settings."
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
        self._home = _folder(config)
        self._of_folder[self._home] = self

    def _make_display(self, dataset: DataSet | None) -> Any:
        if not has_widgets():
            return TextDisplay(self)
        from cifarlab.monitoring.dashboard.widget_display import WidgetDisplay

        return WidgetDisplay(self, dataset)

    @property
    def status(self) -> DashboardStatus:
        """What there is to say now."""
        return current_status(self.config, self.monitor, self.run, self._message)

    def start(self) -> None:
        """Starts the run, or goes on from its checkpoint; while one lasts, does nothing."""
        if self._closed:
            raise UserError("this dashboard was closed, or another took its place: make it again to start a run.")
        if self.run is not None and self.run.busy:
            self._say("One thing at a time: wait until the run or its evaluation has ended.")
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
        """The settings as they stand on the screen; in a folder of its own where the run shall not be continued."""
        folder, chosen = Path(self.config.train_dir), dict(self._display.settings())
        if not self._display.wants_resume and (folder / "config.json").exists():
            numbered = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 10_000))
            chosen["train_dir"] = str(next(path for path in numbered if not path.exists()))
        return dataclasses.replace(self.config, **chosen)

    def pause(self) -> None:
        """Holds the run before its next step."""
        self._steer(lambda run: run.control.pause())

    def resume(self) -> None:
        """Lets a paused run go on."""
        self._steer(lambda run: run.control.resume())

    def stop(self) -> None:
        """Ends the run after the present step, and saves it."""
        self._steer(lambda run: run.control.stop())

    def evaluate(self) -> None:
        """Finds the precision @ 1 of the present weights, raw and averaged, beside the run."""
        self._steer(BackgroundRun.evaluate)

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate with a factor from the next step on.

        Raises:
            ValueError: the factor is not a number above zero.
        """
        self._steer(lambda run: run.scale_learning_rate(factor))

    def _steer(self, action: Callable[[BackgroundRun], None]) -> None:
        if self.run is None:
            self._say("There is no run to steer yet: start it.")
            return
        action(self.run)
        self._say("")
        self._display.start_updates()

    def _say(self, message: str) -> None:
        self._message = message
        self._display.show()

    def wait(self) -> None:
        """Waits until the run has ended; an interrupt stops it, and saves. Without widgets, prints a line a second."""
        while self.run is not None:
            try:
                while not self.run.wait(1.0):
                    self._display.tick()
                self._display.wait_for_updates()
                return
            except KeyboardInterrupt:
                self.stop()

    def close(self) -> None:
        """Stops the run if there is one, waits until it is saved, and takes the widgets away."""
        if self.run is not None:
            self.run.control.stop()
            self.run.wait()
        self._closed = True
        self._display.close()
        if self._of_folder.get(self._home) is self:
            del self._of_folder[self._home]

    def _ipython_display_(self) -> None:
        self._display.display()


def _folder(config: TrainConfig | None) -> Path:
    return Path((config or TrainConfig()).train_dir).resolve()


def has_widgets() -> bool:
    """Whether widgets can be shown: a notebook's kernel runs this, and ipywidgets is installed."""
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")
