"""The panels of a dashboard: how each figure is drawn, and its alternative text."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cifarlab.monitoring.dashboard.run_monitor import RunMonitor
from cifarlab.plotting import figures, image_grids, plots, runs

WIDTH, HEIGHT = 4.0, 2.6
"""Size of a panel in inches; two fit side by side in a notebook, and one per row in a narrow notebook."""

MARGINS = {"left": 0.17, "right": 0.96, "top": 0.88, "bottom": 0.19, "hspace": 0.15}
"""Margins of a chart, as fractions of its width and height."""


class Panel(NamedTuple):
    """A figure of a dashboard.

    Attributes:
        tab: the name of its tab.
        draw: draws the figure of a run.
        alt: alternative text for screen readers.
        version: returns a number that changes when there is something new to draw.
        is_photo: whether it shows images; other panels are inverted in a dark theme.
    """

    tab: str
    draw: Callable[[RunMonitor], Figure]
    alt: str
    version: Callable[[RunMonitor], int]
    is_photo: bool = False


def _chart(rows: int = 1) -> tuple[Figure, np.ndarray]:
    """Returns axes that are aligned with those of other panels; with few ticks, which are slow to draw."""
    figure, axes = figures.subplots(rows, 1, width=WIDTH, height=HEIGHT, margins=MARGINS, sharex=True)
    for ax in axes:
        ax.locator_params(nbins=4)
    return figure, axes


def _of_history(draw: Callable[[Axes, runs.Log], None]) -> Callable[[RunMonitor], Figure]:
    """Returns a function that draws a panel with one of the charts of `runs`."""

    def panel(monitor: RunMonitor) -> Figure:
        figure, (ax,) = _chart()
        draw(ax, monitor.history.events())
        return figure

    return panel


def norms(monitor: RunMonitor) -> Figure:
    """Draws the norm of all gradients and the norm of all weights, on separate axes."""
    figure, axes = _chart(2)
    stats = monitor.network_stats.events()
    for ax, (name, color) in zip(axes, (("gradient", 1), ("weight", 0)), strict=True):
        ax.plot(*runs.series(stats, f"{name}_norm"), color=figures.COLORS[color], marker=".", label=f"{name} norm")
        plots.lines(ax, {}, title="", x="step" if ax is axes[-1] else "", y=f"{name}s")
    axes[0].set_title("How large are the gradients and weights?", loc="left", fontsize=11)
    return figure


def sparsity(monitor: RunMonitor) -> Figure:
    """Draws the fraction of activations that are zero, by layer."""
    figure, (ax,) = _chart()
    stats = monitor.network_stats.events()
    names = list(stats[-1]["sparsity"]) if stats else []
    curves = {name: runs.series(stats, "sparsity", name) for name in names}
    plots.lines(ax, curves, title="What fraction of units is zero?", x="step", y="zero activations")
    ax.set_ylim(0, 1)
    if curves:
        ax.legend(frameon=False, fontsize=9, ncols=2, loc="lower right")
    return figure


def filters(monitor: RunMonitor) -> Figure:
    """Draws the filters of the first layer, each rescaled to the full range of values."""
    weights = None if monitor.filters is None else np.moveaxis(monitor.filters, -1, 0).repeat(4, 1).repeat(4, 2)
    return _grid(weights, "What does conv1 look for?", columns=16, height=1.5)


def batch(monitor: RunMonitor) -> Figure:
    """Draws images of the latest sampled batch as the network saw them."""
    return _grid(monitor.images, "What does the network see?", columns=8, height=2.0)


def _grid(images: np.ndarray | None, title: str, *, columns: int, height: float) -> Figure:
    """Draws a grid of rescaled images [N, rows, columns, channels]; empty unless they have 1 or 3 channels."""
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
    "speed": Panel("Learning", _of_history(runs.speed), "Images per second, by step", _steps),
    "filters": Panel("Network", filters, "The filters of conv1 as small images", _stats, is_photo=True),
    "batch": Panel("Network", batch, "Images of the last batch as the network saw them", _stats, is_photo=True),
    "sparsity": Panel("Network", sparsity, "The fraction of activations that are zero in each layer, by step", _stats),
    "norms": Panel("Network", norms, "The total gradient norm and total weight norm, by step", _stats),
}
"""The panels by name, in the order of display."""


def comparison(logs: Mapping[str, runs.Log]) -> Figure:
    """Draws the averaged loss and the precision of several runs over one another.

    Args:
        logs: logs of up to seven runs, by name.
    """
    figure, axes = figures.subplots(1, 2, width=2 * WIDTH, height=3.2)
    runs.compare(list(axes), logs)
    return figure
