"""Figures of a run: from its log the losses, the learning rate and the speed; from a recorder the distributions.

Each function takes an `ax` and draws; the log is what `read_log` reads from a run's folder, live or long finished.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cifarlab.show import plots
from cifarlab.show.figures import COLOURS, QUIET

Log = Iterable[dict[str, Any]]

BANDS = ((0, 8, 0.15), (1, 7, 0.25), (2, 6, 0.35), (3, 5, 0.5))
"""Of a distribution: from which to which of the nine percentiles, and how dense."""

NOTES = {"pause": "paused", "learning_rate_factor": "rate changed", "not_finite": "not finite"}
"""What is marked in the figure of the losses, and in which words."""


def losses(ax: Axes, log: Log, *, title: str = "Is it learning?") -> None:
    """Draws the total loss of each logged step, pale, and its moving average over it; marks what was steered.

    Args:
        ax: where.
        log: the events of a run.
        title: the question that the plot answers.

    >>> from cifarlab.show import figures
    >>> figure, (ax,) = figures.new()
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
    plots.lines(ax, curves, title=title, x="step", y="total loss (nats)", faint=("loss of a batch",))
    for event in log:
        if event["event"] in NOTES:
            plots.mark(ax, event["step"], NOTES[event["event"]])


def learning_rate(ax: Axes, log: Log) -> None:
    """Draws the learning rate of each logged step, as steps, on an axis that starts at zero.

    >>> from cifarlab.show import figures
    >>> figure, (ax,) = figures.new()
    >>> learning_rate(ax, [{"event": "step", "step": 0, "learning_rate": 0.1}])
    >>> f"{ax.get_ylim()[0]:g}"
    '0'
    """
    steps, values = series(log, "learning_rate")
    ax.step(steps, values, where="post", color=COLOURS[2], linewidth=1.8, label="learning rate")
    plots.lines(ax, {}, title="How large are its strides?", x="step", y="learning rate")
    ax.set_ylim(0, max(values, default=1) * 1.1)


def speed(ax: Axes, log: Log) -> None:
    """Draws images a second between logged steps. The first includes building the graph and is left out.

    >>> from cifarlab.show import figures
    >>> figure, (ax,) = figures.new()
    >>> speed(ax, [{"event": "step", "step": step, "examples_per_second": 1500.0} for step in (0, 10, 20)])
    >>> len(ax.get_lines()[0].get_xdata())
    2
    """
    steps, values = series(log, "examples_per_second")
    plots.lines(ax, {"images/s": (steps[1:], values[1:])}, title="How fast is it?", x="step", y="images/s")
    ax.set_ylim(0, max(values[1:], default=1) * 1.1)


def series(log: Log, *path: str) -> tuple[list[int], list[float]]:
    """The steps of a log, and one value of each; steps that lack it are passed over.

    Args:
        log: the events of a run.
        path: the value's name, or the names that lead to it.

    >>> log = [{"event": "step", "step": 10, "losses": {"total_loss": 4.6}}, {"event": "checkpoint", "step": 11}]
    >>> series(log, "losses", "total_loss")
    ([10], [4.6])
    """
    steps, values = [], []
    for event in log:
        value: Any = event if event["event"] == "step" else None
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if value is not None:
            steps.append(event["step"])
            values.append(value)
    return steps, values


def distributions(
    axes: Sequence[Axes], steps: Sequence[int], layers: dict[str, Sequence[np.ndarray]], *, y: str
) -> None:
    """Draws for each layer how a distribution moves over the steps: bands between percentiles, and the median.

    Args:
        axes: one for each layer.
        steps: that were looked at.
        layers: by name, [steps, 9], the percentiles that `Recorder` keeps.
        y: what the values are, with their unit.

    >>> from cifarlab.show import figures
    >>> figure, axes = figures.new(1, 2)
    >>> distributions(axes, [0, 10], {"conv1": np.ones([2, 9]), "conv2": np.ones([2, 9])}, y="weights")
    >>> [ax.get_title(loc="left") for ax in axes]
    ['conv1', 'conv2']
    """
    for ax, (name, rows) in zip(axes, layers.items(), strict=True):
        values = np.asarray(rows)
        for low, high, alpha in BANDS:
            ax.fill_between(steps, values[:, low], values[:, high], color=COLOURS[0], alpha=alpha, linewidth=0)
        plots.lines(ax, {}, title="", x="step", y=y if ax is axes[0] else "")
        ax.set_title(name, loc="left", fontsize=9)
        ax.plot(steps, values[:, 4], color="black", linewidth=1.2, label="median")
        ax.axhline(0, color=QUIET, linewidth=0.6, zorder=0, label="_zero")
