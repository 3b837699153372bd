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
from cifarlab.monitoring.dashboard.background_run import Session
from cifarlab.monitoring.dashboard.fallback import Lines
from cifarlab.monitoring.dashboard.run_monitor import Watch
from cifarlab.monitoring.dashboard.status import Reading, read
from cifarlab.training.observers import Observer


class Dashboard:
    """Training inside a notebook: start, pause, stop, evaluate, change the learning rate, and see what happens.

    A folder has one dashboard: made again while its run lasts, as by a cell that is run twice, it is the same one. The
    run is on a thread of its own, so the notebook stays free; it goes on when the page is closed, and is saved and
    ended with the kernel. Where there are no widgets, `wait` prints a line a second and leaves a
    picture of the curves in the run's folder.

    Attributes:
        config: the settings of the run, or of the next one.
        session: the present or latest run; None before the first.
        watch: what is seen of it; before the first run, what its folder's log tells.

    >>> import tempfile
    >>> config = TrainConfig(dataset="drawn", train_dir=tempfile.mkdtemp(), max_steps=2, batch_size=8)
    >>> board = Dashboard(config)
    >>> board.start()
    >>> board.session.wait(), board.reading.status, board.reading.steps_done
    (True, 'ended', 2)
    >>> board.close()
    """

    _of_folder: ClassVar[dict[Path, "Dashboard"]] = {}

    def __new__(cls, config: TrainConfig | None = None, **run: Any) -> "Dashboard":
        """The dashboard of a folder whose run lasts, or a new one in the place of the one before."""
        known = cls._of_folder.get(_folder(config))
        if known is not None and known.session is not None and known.session.busy:
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
        self.session: Session | None = None
        self.watch = Watch.of_log(self.config.train_dir)
        copies = functools.partial(copy.deepcopy, network) if isinstance(network, tf.Module) else network
        self._run: dict[str, Any] = {
            "network": copies,
            "dataset": dataset,
            "distortions": distortions,
            "observers": observers,
        }
        self._message, self._closed = "", False
        self._screen = self._make_screen(dataset)
        self._home = _folder(config)
        self._of_folder[self._home] = self

    def _make_screen(self, dataset: DataSet | None) -> Any:
        if not has_widgets():
            return Lines(self)
        from cifarlab.monitoring.dashboard.widget_display import Screen

        return Screen(self, dataset)

    @property
    def reading(self) -> Reading:
        """What there is to say now."""
        return read(self.config, self.watch, self.session, self._message)

    def start(self) -> None:
        """Starts the run, or goes on from its checkpoint; while one lasts, does nothing."""
        if self._closed:
            raise UserError("this dashboard was closed, or another took its place: make it again to start a run.")
        if self.session is not None and self.session.busy:
            self._say("One thing at a time: wait until the run or its evaluation has ended.")
            return
        try:
            self.config = self._chosen_config()
        except ConfigError as error:
            self._say(str(error))
            return
        self._message = ""
        self.session = Session(self.config, **self._run)
        self.watch = self.session.watch
        self._screen.follow()

    def _chosen_config(self) -> TrainConfig:
        """The settings as they stand on the screen; in a folder of its own where the run shall not be continued."""
        folder, chosen = Path(self.config.train_dir), dict(self._screen.settings())
        if not self._screen.continues and (folder / "config.json").exists():
            numbered = (folder.with_name(f"{folder.name}-{number}") for number in range(2, 10_000))
            chosen["train_dir"] = str(next(path for path in numbered if not path.exists()))
        return dataclasses.replace(self.config, **chosen)

    def pause(self) -> None:
        """Holds the run before its next step."""
        self._steer(lambda session: session.control.pause())

    def resume(self) -> None:
        """Lets a paused run go on."""
        self._steer(lambda session: session.control.resume())

    def stop(self) -> None:
        """Ends the run after the present step, and saves it."""
        self._steer(lambda session: session.control.stop())

    def evaluate(self) -> None:
        """Finds the precision @ 1 of the present weights, raw and averaged, beside the run."""
        self._steer(Session.evaluate)

    def scale_learning_rate(self, factor: float) -> None:
        """Multiplies the schedule's learning rate with a factor from the next step on.

        Raises:
            ValueError: the factor is not a number above zero.
        """
        self._steer(lambda session: session.scale_learning_rate(factor))

    def _steer(self, action: Callable[[Session], None]) -> None:
        if self.session is None:
            self._say("There is no run to steer yet: start it.")
            return
        action(self.session)
        self._say("")
        self._screen.follow()

    def _say(self, message: str) -> None:
        self._message = message
        self._screen.show()

    def wait(self) -> None:
        """Waits until the run has ended; an interrupt stops it, and saves. Without widgets, prints a line a second."""
        while self.session is not None:
            try:
                while not self.session.wait(1.0):
                    self._screen.still_running()
                self._screen.finish()
                return
            except KeyboardInterrupt:
                self.stop()

    def close(self) -> None:
        """Stops the run if there is one, waits until it is saved, and takes the widgets away."""
        if self.session is not None:
            self.session.control.stop()
            self.session.wait()
        self._closed = True
        self._screen.close()
        if self._of_folder.get(self._home) is self:
            del self._of_folder[self._home]

    def _ipython_display_(self) -> None:
        self._screen.display()


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
