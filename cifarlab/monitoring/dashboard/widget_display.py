"""WidgetDisplay: a dashboard's widgets and their static image, both updated by a thread while a run is active."""

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
"""Seconds between two updates of the text and numbers."""

DRAWING_SHARE = 0.025
"""Maximum fraction of one processor core's time for drawing; drawing is delayed accordingly."""

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
"""MIME type of a widget in a notebook's output."""

STATIC_INTERVAL_S = 30.0
"""Seconds between two updates of the static image while a run is active."""


class WidgetDisplay:
    """Shows a dashboard's run in `DashboardWidgets`."""

    def __init__(self, board: DashboardLike, dataset: DataSet | None) -> None:
        """Creates the widgets and shows the current status."""
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
        """Returns whether a run should resume from its checkpoint."""
        return self._widgets.resume.value

    def settings(self) -> dict[str, Any]:
        """Returns the settings chosen for the next run, by name."""
        return {name: setting.value for name, setting in self._widgets.settings.items()}

    def start_updates(self) -> None:
        """Starts the thread that updates the display until the run has ended, unless it is already active."""
        with self._lock:
            if self._thread is None:
                self._failure = ""
                name = f"cifarlab display: {self._board.config.train_dir}"
                self._thread = threading.Thread(target=self._update_until_idle, name=name, daemon=True)
                self._thread.start()

    def show(self) -> None:
        """Shows the current status."""
        status = self._board.status
        self._widgets.show(status._replace(message=f"{status.message} {self._failure}".rstrip()))

    def tick(self) -> None:
        """Does nothing: the thread updates the display."""

    def wait_for_updates(self) -> None:
        """Waits until the end of the run is shown."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        """Closes the widgets; the static image remains."""
        self.wait_for_updates()
        self._widgets.close()

    def display(self) -> None:
        """Displays the widgets and below them the static image, which is visible only if the widgets are not."""
        words = "A dashboard with buttons to train, curves and images of the run; its static image is below."
        widgets = {"version_major": 2, "version_minor": 0, "model_id": self._widgets.box.model_id}
        data = {"text/plain": words, WIDGET_VIEW: widgets}  # ipywidgets 7 (Colab) does not create such a bundle
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
        """Compares the chosen runs, which are in sibling directories of this one, if their tab is open."""
        if self._comparing or not self._widgets.comparing:
            return
        self._comparing = True  # `set_runs` may change the selection, which calls this method again
        here = Path(self._board.config.train_dir).resolve()
        runs = {sanitize(log.parent.name): log.parent for log in here.parent.glob("*/log.jsonl")}
        self._widgets.set_runs(sorted(runs))
        names = self._widgets.chosen.value or (sanitize(here.name),)
        logs = {name: EventBuffer(read_logged_events(runs.get(name, here))).events() for name in names[:7]}
        self._widgets.set_image(
            "several", comparison(logs), f"Loss and precision by step of the runs {', '.join(logs)}"
        )
        self._comparing = False

    def _update_until_idle(self) -> None:
        while True:
            self._draws_at, self._twin_at = 0.0, time.monotonic() + STATIC_INTERVAL_S
            while self._busy:
                self._update(self._draw_something)
                time.sleep(UPDATE_INTERVAL_S)
            self._update(self._draw_everything)
            with self._lock:  # another run may have been started in the meantime
                if not self._busy:
                    self._thread = None
                    return

    @property
    def _busy(self) -> bool:
        run = self._board.run
        return run is not None and run.busy

    def _update(self, draw: Callable[[], None]) -> None:
        """Shows the status and draws, unless drawing has failed; such an error must not stop the run or its buttons."""
        with contextlib.suppress(Exception):
            self._show_factor()
            self.show()
        if not self._failure:
            try:
                draw()
            except Exception as error:
                self._failure = f"(The figures are out of date: {type(error).__name__}: {error}.)"
                with contextlib.suppress(Exception):
                    self.show()

    def _draw_something(self) -> None:
        now, spent = time.monotonic(), time.thread_time()
        paused = self._board.run is not None and self._board.run.control.paused  # drawing does not slow it down
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
        """Shows a learning rate factor that was restored with the run or set by a program."""
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
