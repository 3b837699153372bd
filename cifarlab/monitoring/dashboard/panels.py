"""The pictures of a dashboard: what is drawn in each, and what it says in words."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.plotting import figures, image_grids, plots, runs

WIDTH, HEIGHT = 4.0, 2.6
"""Inches of a panel: two stand side by side in a notebook, one below the other where it is half as wide."""

MARGINS = {"left": 0.17, "right": 0.96, "top": 0.88, "bottom": 0.19, "hspace": 0.15}
"""Of a chart, in shares of its width and height."""


class Panel(NamedTuple):
    """A picture of a dashboard.

    Attributes:
        tab: that it is on.
        draw: makes it of what was seen of a run.
        alt: what it shows, for who cannot see it.
        version: a number that changes when there is something new to draw.
        is_photo: whether its colours are those of pictures; others turn dark in a dark theme.
    """

    tab: str
    draw: Callable[[RunMonitor], Figure]
    alt: str
    version: Callable[[RunMonitor], int]
    is_photo: bool = False


def _chart(rows: int = 1) -> tuple[Figure, np.ndarray]:
    """Axes in line with those of other panels; with few ticks, which are most of the work of drawing."""
    figure, axes = figures.subplots(rows, 1, width=WIDTH, height=HEIGHT, margins=MARGINS, sharex=True)
    for ax in axes:
        ax.locator_params(nbins=4)
    return figure, axes


def _of_history(draw: Callable[[Axes, runs.Log], None]) -> Callable[[RunMonitor], Figure]:
    """A panel of one of the figures of `runs`."""

    def panel(monitor: RunMonitor) -> Figure:
        figure, (ax,) = _chart()
        draw(ax, monitor.history.events())
        return figure

    return panel


def norms(monitor: RunMonitor) -> Figure:
    """The length of all gradients together, and of all weights, each on an axis of its own."""
    figure, axes = _chart(2)
    stats = monitor.network_stats.events()
    for ax, (name, colour) in zip(axes, (("gradient", 1), ("weight", 0)), strict=True):
        ax.plot(*runs.series(stats, f"{name}_norm"), color=figures.COLORS[colour], marker=".", label=f"{name} norm")
        plots.lines(ax, {}, title="", x="step" if ax is axes[-1] else "", y=f"{name}s")
    axes[0].set_title("How long are gradients and weights?", loc="left", fontsize=11)
    return figure


def sparsity(monitor: RunMonitor) -> Figure:
    """The share of activations that are zero, layer by layer."""
    figure, (ax,) = _chart()
    stats = monitor.network_stats.events()
    names = list(stats[-1]["sparsity"]) if stats else []
    curves = {name: runs.series(stats, "sparsity", name) for name in names}
    plots.lines(ax, curves, title="What share of units is silent?", x="step", y="activations that are zero")
    ax.set_ylim(0, 1)
    if curves:
        ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower right")
    return figure


def filters(monitor: RunMonitor) -> Figure:
    """The filters of the first layer, each stretched to all grey levels."""
    weights = None if monitor.filters is None else np.moveaxis(monitor.filters, -1, 0).repeat(4, 1).repeat(4, 2)
    return _sheet(weights, "What does conv1 look for?", columns=16, height=1.5)


def batch(monitor: RunMonitor) -> Figure:
    """Images of the latest batch as the network saw them."""
    return _sheet(monitor.images, "What does the network see?", columns=8, height=2.0)


def _sheet(images: np.ndarray | None, title: str, *, columns: int, height: float) -> Figure:
    """Rows of images [N, rows, columns, channels], stretched; none of other than one or three channels."""
    figure, (ax,) = figures.subplots(width=WIDTH, height=height)
    if images is not None and images.shape[-1] in (1, 3):
        shown = image_grids.rescale_to_255(images if images.shape[-1] == 3 else images[..., 0])
        image_grids.image_grid(ax, [shown[start : start + columns] for start in range(0, len(shown), columns)])
    else:
        ax.set_axis_off()
    ax.set_title(title, loc="left", fontsize=11)
    return figure


def _steps(monitor: RunMonitor) -> int:
    return monitor.history.count


def _others(monitor: RunMonitor) -> int:
    return monitor.history.other_count


def _stats(monitor: RunMonitor) -> int:
    return monitor.network_stats.count


PANELS = {
    "loss": Panel("Learning", _of_history(runs.losses), "The loss of batches and its moving average, by step", _steps),
    "precision": Panel(
        "Learning", _of_history(runs.precision), "Precision at 1 of raw and averaged weights, by step", _others
    ),
    "rate": Panel("Learning", _of_history(runs.learning_rate), "The learning rate, by step", _steps),
    "speed": Panel("Learning", _of_history(runs.speed), "Images a second, by step", _steps),
    "filters": Panel("Network", filters, "The filters of conv1 as small pictures", _stats, is_photo=True),
    "batch": Panel("Network", batch, "Images of the last batch as the network saw them", _stats, is_photo=True),
    "sparsity": Panel("Network", sparsity, "The share of activations that are zero in each layer, by step", _stats),
    "norms": Panel("Network", norms, "The norms of all gradients and of all weights, by step", _stats),
}
"""By name, in the order of their places."""


def comparison(logs: Mapping[str, runs.Log]) -> Figure:
    """The averaged loss and the precision of several runs, laid over one another.

    Args:
        logs: by the run's name, up to seven.
    """
    figure, axes = figures.subplots(1, 2, width=2 * WIDTH, height=3.2)
    runs.compare(list(axes), logs)
    return figure
