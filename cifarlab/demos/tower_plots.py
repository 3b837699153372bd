"""For lesson 6: diagrams of towers: the placement of parameters, towers and update, and when towers wait."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

from cifarlab.demos.async_sgd import TowerStep
from cifarlab.plotting.figures import COLORS, MUTED_COLOR

WAITING = "#D0D0D0"
"""The color of the time during which a tower waits."""


def timeline(ax: Axes, schedule: Sequence[TowerStep], *, title: str) -> None:
    """Draws when each tower computes, when it waits, and when the weights are updated.

    Each computation is labeled with its staleness.

    Args:
        ax: the axes to draw on.
        schedule: the steps of all towers.
        title: the question that the plot answers.

    >>> from cifarlab.plotting import figures
    >>> from cifarlab.demos.async_sgd import synchronous_schedule
    >>> figure, (ax,) = figures.subplots()
    >>> timeline(ax, synchronous_schedule([1, 2], until=4), title="Who waits?")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['computing (number: staleness in updates)', 'waiting', 'applying gradients']
    """
    towers = sorted({step.tower for step in schedule})
    due = {
        step.update_index: max(other.end for other in schedule if other.update_index == step.update_index)
        for step in schedule
    }
    bars: dict = {"height": 0.66, "edgecolor": "white", "linewidth": 1.5}
    for tower in towers:
        mine = [step for step in schedule if step.tower == tower]
        start, end = [step.start for step in mine], [step.end for step in mine]
        ax.barh([tower] * len(mine), np.subtract(end, start), left=start, color=COLORS[0], **bars)
        wait = [due[step.update_index] - step.end for step in mine]
        ax.barh([tower] * len(mine), wait, left=end, color=WAITING, **bars)
        for step in mine:
            middle = (step.start + step.end) / 2
            ax.text(middle, tower, str(step.staleness), color="white", ha="center", va="center", fontsize=9)
        times = [due[step.update_index] for step in mine]
        ax.vlines(times, tower - 0.5, tower + 0.5, color=COLORS[1], linewidth=2.5, zorder=3)
    _legend(ax)
    ax.set_yticks(towers, [f"tower {tower}" for tower in towers], fontsize=9)
    ax.set_ylim(len(towers) - 0.4, -0.6)
    ax.set_xlim(0, max(due.values()) + 0.05)
    ax.set_title(title, loc="left", fontsize=11)
    ax.set_xlabel("time (1 = one step of a fast tower)")
    ax.tick_params(labelsize=9, left=False)
    ax.spines[["top", "right", "left"]].set_visible(False)


def _legend(ax: Axes) -> None:
    handles = [
        Patch(color=COLORS[0], label="computing (number: staleness in updates)"),
        Patch(color=WAITING, label="waiting"),
        Line2D([], [], color=COLORS[1], linewidth=2.5, label="applying gradients"),
    ]
    ax.legend(handles=handles, frameon=False, fontsize=9, ncols=3, loc="upper left", bbox_to_anchor=(0, -0.24))


def tower_diagram(ax: Axes, *, title: str, towers: int = 2, batch: int = 128) -> None:
    """Draws the parameters and the update on the CPU, one tower per device, and the data flow between them.

    Args:
        ax: the axes to draw on.
        title: the question that the diagram answers.
        towers: the number of towers.
        batch: images per step of all towers together.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> tower_diagram(ax, title="What lives where?")
    >>> [text.get_text().splitlines()[0] for text in ax.texts if "tower_" in text.get_text()]
    ['tower_0 on GPU:0', 'tower_1 on GPU:1']
    """
    for left, width in ((0, 26), (72, 28)):
        shape = "round,pad=0,rounding_size=3"
        ax.add_patch(FancyBboxPatch((left, 9.5), width, 50.5, boxstyle=shape, color="#EAF2F8", zorder=0))
        ax.text(left + 2.5, 56.5, "CPU", fontsize=10, color=MUTED_COLOR, va="center")
    _box(ax, (3, 37), (20, 14), f"batch\n{batch} images", "white", COLORS[0])
    _box(ax, (3, 14), (20, 14), "parameters\nweights and biases", "white", COLORS[0])
    _box(ax, (75, 25), (22, 14), "update\nmean of the gradients,\none step of descent", "white", COLORS[1])
    height = 47 / towers - 3
    for tower in range(towers):
        bottom = 58.5 - (tower + 1) * (height + 3)
        middle = bottom + height / 2
        words = f"tower_{tower} on GPU:{tower}\n{batch // towers} images: logits,\nloss, gradients"
        _box(ax, (37, bottom), (24, height), words, "#E5F4EE", COLORS[2])
        _arrow(ax, (23, 44), (37, middle + 2), COLORS[0])
        _arrow(ax, (23, 21), (37, middle - 2), COLORS[0])
        _arrow(ax, (61, middle), (75, 32), COLORS[1])
    ax.plot([86, 86, 13], [25, 6, 6], color=COLORS[1], linewidth=1.5)
    _arrow(ax, (13, 6), (13, 14), COLORS[1])
    ax.text(49, 2.2, "new weights", fontsize=9, color=COLORS[1], ha="center")
    ax.set_xlim(-0.5, 100.5)
    ax.set_ylim(-0.5, 60.5)
    ax.set_axis_off()
    ax.set_title(title, loc="left", fontsize=11)


def _box(ax: Axes, corner: tuple[float, float], size: tuple[float, float], words: str, fill: str, edge: str) -> None:
    (left, bottom), (width, height) = corner, size
    shape = "round,pad=0,rounding_size=2"
    ax.add_patch(
        FancyBboxPatch((left, bottom), width, height, boxstyle=shape, facecolor=fill, edgecolor=edge, linewidth=1.5)
    )
    ax.text(left + width / 2, bottom + height / 2, words, ha="center", va="center", fontsize=9)


def _arrow(ax: Axes, start: tuple, end: tuple, color: str) -> None:
    style = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
