"""The dashboard without widgets: a static figure with a summary of the log, and one line of text per second."""

from pathlib import Path
from typing import Any, Protocol

from matplotlib.figure import Figure

from cifarlab.config import TrainConfig
from cifarlab.monitoring.console import echo
from cifarlab.monitoring.dashboard.background_run import BackgroundRun
from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.monitoring.dashboard.status import DashboardStatus
from cifarlab.plotting import figures, runs
from cifarlab.text import sanitize

Events = list[dict[str, Any]]

STYLE = """<style>
.jp-OutputArea-child:has(.cifarlab-dashboard) + .jp-OutputArea-child:has(.cifarlab-twin) { display: none; }
.jp-OutputArea-child:not(:has(.cifarlab-dashboard)):has(+ .jp-OutputArea-child .cifarlab-twin) { display: none; }
.cifarlab-twin img { max-width: 100%; }
</style>"""
"""Hides the static image below live widgets, and the empty output of dead widgets above the static image."""


def summary(train_dir: str, log: Events) -> list[str]:
    """Returns a summary of a run's log, in one or two lines.

    Args:
        train_dir: directory of the run.
        log: events of the log.

    >>> step = {"event": "step", "step": 90, "losses": {"total_loss": 2.5}, "averaged_losses": {"total_loss": 2.4},
    ...         "learning_rate": 0.1, "examples_per_second": 1800.0}
    >>> log = [step, {"event": "evaluation", "step": 100, "raw": 0.31, "averaged": 0.33, "images": 1000}]
    >>> print(*summary("runs/live", log), sep="\\n")
    The run in runs/live at step 90: loss 2.40 (averaged), learning rate 0.1, 1,800 images/s.
    Precision @ 1 at step 100 on 1,000 images: 31.0 % with raw weights, 33.0 % with averaged weights.
    """
    steps = [event for event in log if event["event"] == "step"]
    if not steps:
        return [f"The run in {sanitize(train_dir)} has not started."]
    last = steps[-1]
    loss = _format(last, "averaged_losses", "total_loss", form=".2f")
    rate, speed = _format(last, "learning_rate", form=".4g"), _format(last, "examples_per_second", form=",.0f")
    lines = [
        f"The run in {sanitize(train_dir)} at step {last['step']:,}: loss {loss} (averaged), learning rate {rate}, "
        f"{speed} images/s."
    ]
    for event in [event for event in log if event["event"] == "evaluation"][-1:]:
        images, raw = _format(event, "images", form=",.0f"), _format(event, "raw", form=".1%")
        lines.append(
            f"Precision @ 1 at step {event['step']:,} on {images} images: {raw} with raw weights, "
            f"{_format(event, 'averaged', form='.1%')} with averaged weights."
        )
    return lines


def _format(event: dict[str, Any], *path: str, form: str) -> str:
    value = runs.scalar(event, *path)
    return "not a number" if value is None else f"{value:{form}}".replace("%", " %")


def static_figure(train_dir: str, log: Events) -> Figure:
    """Draws the curves of a run below its summary.

    Args:
        train_dir: directory of the run.
        log: events of the log.
    """
    if not any(event["event"] == "step" for event in log):
        figure, (ax,) = figures.subplots(height=0.4)
        ax.set_axis_off()
        figure.text(0.01, 0.4, summary(train_dir, log)[0], fontsize=10)
        return figure
    figure, axes = figures.subplots(2, 2, height=5.6)
    for ax, draw in zip(axes, (runs.losses, runs.precision, runs.learning_rate, runs.speed), strict=True):
        draw(ax, log)
    figure.suptitle("\n".join(summary(train_dir, log)), x=0.01, ha="left", fontsize=10)
    return figure


def mime_bundle(train_dir: str, log: Events) -> dict[str, str]:
    """Returns a notebook output: the figure in HTML, with the summary as alternative text and as plain text.

    Args:
        train_dir: directory of the run.
        log: events of the log.
    """
    words = "\n".join(summary(train_dir, log))
    image = figures.html_image(static_figure(train_dir, log), words)
    return {
        "text/html": f'{STYLE}<div class="cifarlab-twin">{image}</div>',
        "text/plain": words,
    }


def save(train_dir: str, log: Events) -> Path:
    """Saves the figure in the run's directory, for use without a notebook, and returns its path."""
    path = Path(train_dir) / "dashboard.png"
    path.write_bytes(figures.png(static_figure(train_dir, log)))
    return path


class DashboardLike(Protocol):
    """The part of `Dashboard` that a display uses."""

    config: TrainConfig
    run: BackgroundRun | None
    monitor: RunMonitor

    @property
    def status(self) -> DashboardStatus:
        """Returns the current status."""

    def start(self) -> None: ...  # noqa: D102
    def pause(self) -> None: ...  # noqa: D102
    def resume(self) -> None: ...  # noqa: D102
    def stop(self) -> None: ...  # noqa: D102
    def evaluate(self) -> None: ...  # noqa: D102
    def scale_learning_rate(self, factor: float) -> None: ...  # noqa: D102


class TextDisplay:
    """Shows a dashboard as lines of text, with the methods of `WidgetDisplay`."""

    wants_resume = True

    def __init__(self, board: DashboardLike) -> None:
        """Prints nothing yet."""
        self._board = board

    def settings(self) -> dict[str, Any]:
        """Returns no settings, because none can be chosen."""
        return {}

    def start_updates(self) -> None:
        """Does nothing: text is only printed by `Dashboard.wait`."""

    def show(self) -> None:
        """Does nothing: text is only printed by `Dashboard.wait`."""

    def tick(self) -> None:
        """Prints one line about the run."""
        echo(self._board.status.message)

    def wait_for_updates(self) -> None:
        """Prints how the run ended, and the path of the figure of its curves."""
        status, train_dir = self._board.status, self._board.config.train_dir
        echo(f"{status.phase.capitalize()}. {status.message}")
        if status.details:
            echo(status.details)
        if events := self._board.monitor.history.events():
            echo(f"Its curves: {save(train_dir, events)}")

    def close(self) -> None:
        """Does nothing: there are no widgets to close."""

    def display(self) -> None:
        """Shows the figure of the run so far."""
        from IPython.display import display

        display(mime_bundle(self._board.config.train_dir, self._board.monitor.history.events()), raw=True)
