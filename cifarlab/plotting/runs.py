"""Figures of a run's log: losses, learning rate, speed and precision.

Each function draws the events of a log, as read by `read_log`, on the given axes. The run may still be in progress.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cifarlab.plotting import plots
from cifarlab.plotting.figures import COLORS, MUTED_COLOR, legend_label

Log = Iterable[dict[str, Any]]


MAX_PLOTTABLE = 3.4e38
"""The largest number that is drawn, about that of float32; a log from another person may contain any number."""

EVENT_LABELS = {"pause": "paused", "learning_rate_factor": "rate changed", "not_finite": "not finite"}
"""The labels of events that are marked in the figure of the losses."""


def losses(ax: Axes, log: Log, *, title: str = "Is it learning?") -> None:
    """Draws the total loss of each logged step (pale) and its moving average, and marks events such as pauses.

    Args:
        ax: the axes to draw on.
        log: the events of a run.
        title: the question that the plot answers.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> step = {"event": "step", "step": 0, "losses": {"total_loss": 4.7}, "averaged_losses": {"total_loss": 4.7}}
    >>> losses(ax, [step, {"event": "pause", "step": 1}])
    >>> [line.get_label() for line in ax.get_lines()][:2], ax.texts[0].get_text()
    (['loss of a batch', 'moving average'], 'paused')
    """
    log = list(log)
    curves = {
        "loss of a batch": series(log, "losses", "total_loss"),
        "moving average": series(log, "averaged_losses", "total_loss"),
    }
    empty = not curves["loss of a batch"][0]
    plots.lines(ax, {} if empty else curves, title=title, x="step", y="total loss (nats)", faint=("loss of a batch",))
    if empty:
        _mark_empty(ax, "no step yet")
    low, high = ax.get_xlim()
    marked: dict[str, int] = {}
    for event in reversed(log):  # of several overlapping marks, only the last is drawn
        note, step = EVENT_LABELS.get(event["event"]), event["step"]
        if note and (note not in marked or marked[note] - step >= (high - low) / 25):
            plots.vertical_line(ax, step, note)
            marked[note] = step


def learning_rate(ax: Axes, log: Log) -> None:
    """Draws the learning rate of each logged step as a step function, on an axis that starts at zero.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> learning_rate(ax, [{"event": "step", "step": 0, "learning_rate": 0.1}])
    >>> f"{ax.get_ylim()[0]:g}"
    '0'
    """
    steps, values = series(log, "learning_rate")
    ax.step(steps, values, where="post", color=COLORS[2], linewidth=1.8, label="learning rate")
    plots.lines(ax, {}, title="What is the learning rate?", x="step", y="learning rate")
    ax.set_ylim(0, max(values, default=0) * 1.1 or 1)


def speed(ax: Axes, log: Log) -> None:
    """Draws images per second between logged steps, without the first, which includes building the graph.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> speed(ax, [{"event": "step", "step": step, "examples_per_second": 1500.0} for step in (0, 10, 20)])
    >>> len(ax.get_lines()[0].get_xdata())
    2
    """
    steps, values = series(log, "examples_per_second")
    plots.lines(ax, {"images/s": (steps[1:], values[1:])}, title="How fast is it?", x="step", y="images/s")
    ax.set_ylim(0, max(values[1:], default=0) * 1.1 or 1)


def precision(ax: Axes, log: Log) -> None:
    """Draws precision @ 1 of each evaluation, with raw weights and with averaged weights.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> precision(ax, [{"event": "evaluation", "step": 100, "raw": 0.31, "averaged": 0.33}])
    >>> [line.get_label() for line in ax.get_lines()]
    ['raw weights', 'averaged weights']
    """
    log = list(log)
    for name, color, mark in (("raw", COLORS[1], "o"), ("averaged", COLORS[0], "s")):
        steps, shares = series(log, name, event="evaluation")
        percent = [100 * share for share in shares]
        ax.plot(steps, percent, mark, color=color, linestyle="-", linewidth=0.8, label=f"{name} weights")
    _frame_precision(ax, "How often is it right?", "precision @ 1 (%)")


def compare(axes: Sequence[Axes], logs: Mapping[str, Log]) -> None:
    """Draws the averaged loss of several runs on the first axes, and the precision of averaged weights on the second.

    Args:
        axes: two axes.
        logs: the events of up to seven runs, by name.

    >>> from cifarlab.plotting import figures
    >>> figure, axes = figures.subplots(1, 2)
    >>> compare(axes, {"a": [{"event": "evaluation", "step": 100, "averaged": 0.33}], "b": []})
    >>> [line.get_label() for line in axes[0].get_lines()]
    ['a', 'b']
    """
    logs = {name: list(log) for name, log in logs.items()}
    curves = {name: series(log, "averaged_losses", "total_loss") for name, log in logs.items()}
    plots.lines(axes[0], curves, title="Which run learns faster?", x="step", y="averaged total loss (nats)")
    for color, (name, log) in zip(COLORS, logs.items(), strict=False):
        steps, shares = series(log, "averaged", event="evaluation")
        axes[1].plot(
            steps, [100 * share for share in shares], "s-", color=color, linewidth=0.8, label=legend_label(name)
        )
    _frame_precision(axes[1], "Which is right more often?", "precision @ 1, averaged (%)")


def _frame_precision(ax: Axes, title: str, y: str) -> None:
    """Sets the limits of a plot of precisions, with margins so that small differences do not look large."""
    plots.lines(ax, {}, title=title, x="step", y=y)
    points = np.concatenate([line.get_xydata() for line in ax.get_lines()])
    if not len(points):
        _mark_empty(ax, "not evaluated yet")
        return
    ax.set_ylim(max(points[:, 1].min() - 5, 0), min(points[:, 1].max() + 5, 100))
    ax.set_xlim(0, 1.05 * points[:, 0].max() + 1)
    ax.legend(frameon=False, fontsize=9)


def _mark_empty(ax: Axes, why: str) -> None:
    """Writes a reason into empty axes and removes their ticks."""
    ax.text(0.5, 0.5, why, transform=ax.transAxes, ha="center", color=MUTED_COLOR)
    ax.set_xticks([])
    ax.set_yticks([])


def series(log: Log, *path: str, event: str = "step") -> tuple[list[int], list[float]]:
    """Returns the steps of all events of one kind, and one value of each; skips events without this value.

    Args:
        log: the events of a run.
        path: the key of the value, or several nested keys.
        event: the kind of event.

    >>> log = [{"event": "step", "step": 10, "losses": {"total_loss": 4.6}}, {"event": "checkpoint", "step": 11}]
    >>> series(log, "losses", "total_loss")
    ([10], [4.6])
    """
    steps, values = [], []
    for line in log:
        value = scalar(line, *path) if line["event"] == event else None
        if value is not None:
            steps.append(line["step"])
            values.append(value)
    return steps, values


def scalar(event: dict[str, Any], *path: str) -> float | None:
    """Returns a number of an event, or None if it is missing or cannot be drawn.

    Args:
        event: an event of a run.
        path: the key of the number, or several nested keys.

    >>> scalar({"losses": {"total_loss": 4.6}}, "losses", "total_loss"), scalar({"losses": "none"}, "losses", "a")
    (4.6, None)
    """
    value: Any = event
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= MAX_PLOTTABLE else None
