"""WidgetDisplay: a dashboard's widgets, kept up to date by a thread while something happens, and their static twin."""

import contextlib
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from IPython.display import display

from cifarlab.data.dataset import DataSet
from cifarlab.monitoring.dashboard import fallback
from cifarlab.monitoring.dashboard.fallback import DashboardLike
from cifarlab.monitoring.dashboard.panels import comparison
from cifarlab.monitoring.dashboard.run_monitor import EventBuffer, read_logged_events
from cifarlab.monitoring.dashboard.widgets import DashboardWidgets
from cifarlab.text import sanitize

UPDATE_INTERVAL_S = 0.2
"""Seconds between two looks at a run: what is shown changes at most five times a second."""

DRAWING_SHARE = 0.025
"""Of one processor core's time that showing a run may take; drawing waits until it has it."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
"""What notebooks call an output that is a widget."""

STATIC_INTERVAL_S = 30.0
"""Between two updates of the static twin while a run goes on."""


class WidgetDisplay:
    """Shows a dashboard's run in `DashboardWidgets`."""

    def __init__(self, board: DashboardLike, dataset: DataSet | None) -> None:
        """Makes the widgets and shows what there is."""
        actions = {"start": board.start, "pause": self._pause_or_resume, "stop": board.stop, "evaluate": board.evaluate}
        actions |= {"rate": self._move_rate, "compare": self._compare}
        self._board, self._widgets = board, DashboardWidgets(board.config, dataset.name if dataset else None, actions)
        self._factor, self._shows_factor, self._comparing = 1.0, False, False
        self._failure, self._draws_at, self._twin_at = "", 0.0, 0.0
        self._twin: Any = None
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self.show()
        self._widgets.draw(board.monitor, everything=True)

    @property
    def wants_resume(self) -> bool:
        """Whether a run shall go on from its checkpoint."""
        return self._widgets.resume.value

    def settings(self) -> dict[str, Any]:
        """What was chosen for the next run, by name."""
        return {name: setting.value for name, setting in self._widgets.settings.items()}

    def start_updates(self) -> None:
        """Sees to it that a thread shows what happens, until nothing happens any more."""
        with self._lock:
            if self._thread is None:
                self._failure = ""
                name = f"cifarlab display: {self._board.config.train_dir}"
                self._thread = threading.Thread(target=self._show_what_happens, name=name, daemon=True)
                self._thread.start()

    def show(self) -> None:
        """Shows what there is to say now."""
        status = self._board.status
        self._widgets.show(status._replace(message=f"{status.message} {self._failure}".rstrip()))

    def tick(self) -> None:
        """The thread shows it."""

    def wait_for_updates(self) -> None:
        """Returns when the end of the run is shown."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Takes the widgets away; what they showed stays as a picture."""
        self.wait_for_updates()
        self._widgets.close()

    def display(self) -> None:
        """Shows the widgets, and below them, seen only where there are none, their static twin."""
        words = "A dashboard: buttons to train, curves and pictures of the run; below as a picture."
        widgets = {"version_major": 2, "version_minor": 0, "model_id": self._widgets.box.model_id}
        data = {"text/plain": words, WIDGET_VIEW: widgets}  # by hand: ipywidgets 7, Colab's, makes no such bundle
        display(data, raw=True)
        self._twin = display(self._bundle(), raw=True, display_id=True)

    def _pause_or_resume(self) -> None:
        run = self._board.run
        if run is not None and run.control.paused:
            self._board.resume()
        else:
            self._board.pause()

    def _move_rate(self) -> None:
        if not self._shows_factor:
            self._factor = self._widgets.learning_rate_factor.value
            self._board.scale_learning_rate(self._factor)

    def _compare(self) -> None:
        """Lays the chosen runs of this folder's neighbourhood over one another, if their tab is open."""
        if self._comparing or not self._widgets.comparing:
            return
        self._comparing = True  # to offer other runs changes those that are chosen, and calls this again
        here = Path(self._board.config.train_dir).resolve()
        runs = {sanitize(log.parent.name): log.parent for log in here.parent.glob("*/log.jsonl")}
        self._widgets.set_runs(sorted(runs))
        names = self._widgets.chosen.value or (sanitize(here.name),)
        logs = {name: EventBuffer(read_logged_events(runs.get(name, here))).events() for name in names[:7]}
        self._widgets.set_image(
            "several", comparison(logs), f"Loss and precision by step of the runs {', '.join(logs)}"
        )
        self._comparing = False

    def _show_what_happens(self) -> None:
        while True:
            self._draws_at, self._twin_at = 0.0, time.monotonic() + STATIC_INTERVAL_S
            while self._busy:
                self._update(self._draw_something)
                time.sleep(UPDATE_INTERVAL_S)
            self._update(self._draw_everything)
            with self._lock:  # a run that was started while the end of the one before was drawn is followed, too
                if not self._busy:
                    self._thread = None
                    return

    @property
    def _busy(self) -> bool:
        run = self._board.run
        return run is not None and run.busy

    def _update(self, draw: Callable[[], None]) -> None:
        """Shows what there is to say; draws unless that has failed, which harms neither the run nor its buttons."""
        with contextlib.suppress(Exception):
            self._show_factor()
            self.show()
        if not self._failure:
            try:
                draw()
            except Exception as error:
                self._failure = f"(The pictures are out of date: {type(error).__name__}: {error}.)"
                with contextlib.suppress(Exception):
                    self.show()

    def _draw_something(self) -> None:
        now, spent = time.monotonic(), time.thread_time()
        paused = self._board.run is not None and self._board.run.control.paused  # there is nothing to slow down
        if now >= self._draws_at or paused or self._widgets.tab_is_new:
            self._widgets.draw(self._board.monitor)
            self._draws_at = now + (time.thread_time() - spent) / DRAWING_SHARE
        if now >= self._twin_at:
            self._update_twin()
            self._twin_at = now + STATIC_INTERVAL_S

    def _draw_everything(self) -> None:
        self._widgets.draw(self._board.monitor, everything=True)
        self._update_twin()

    def _show_factor(self) -> None:
        """Shows a factor that a run brought with it, or that a program asked for."""
        factor = self._board.run.factor if self._board.run else None
        if factor is not None and factor != self._factor:
            self._factor, self._shows_factor = factor, True
            self._widgets.learning_rate_factor.value = factor
            self._shows_factor = False

    def _bundle(self) -> dict[str, str]:
        return fallback.mime_bundle(self._board.config.train_dir, self._board.monitor.history.events())

    def _update_twin(self) -> None:
        if self._twin is not None:
            self._twin.update(self._bundle(), raw=True)
