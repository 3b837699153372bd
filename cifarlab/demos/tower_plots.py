"""For lesson 6: diagrams of towers: where parameters, towers and the update are, and which tower waits for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

from cifarlab.demos.async_sgd import TowerStep
from cifarlab.plotting.figures import COLORS, MUTED_COLOR

WAITING = "#D0D0D0"
"""Of the time in which a tower has nothing to do."""


def timeline(ax: Axes, turns: Sequence[TowerStep], *, title: str) -> None:
    """Draws when each tower computes, when it waits, and when the weights are updated.

    In each stretch of work stands its staleness.

    Args:
        ax: where.
        turns: a timetable.
        title: the question that the plot answers.

    >>> from cifarlab.plotting import figures
    >>> from cifarlab.demos.async_sgd import synchronous_schedule
    >>> figure, (ax,) = figures.subplots()
    >>> timeline(ax, synchronous_schedule([1, 2], until=4), title="Who waits?")
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['computing (number: staleness in updates)', 'waiting', 'applying gradients']
    """
    towers = sorted({turn.tower for turn in turns})
    due = {
        turn.update_index: max(other.end for other in turns if other.update_index == turn.update_index)
        for turn in turns
    }
    bars: dict = {"height": 0.66, "edgecolor": "white", "linewidth": 1.5}
    for tower in towers:
        mine = [turn for turn in turns if turn.tower == tower]
        start, end = [turn.start for turn in mine], [turn.end for turn in mine]
        ax.barh([tower] * len(mine), np.subtract(end, start), left=start, color=COLORS[0], **bars)
        wait = [due[turn.update_index] - turn.end for turn in mine]
        ax.barh([tower] * len(mine), wait, left=end, color=WAITING, **bars)
        for turn in mine:
            middle = (turn.start + turn.end) / 2
            ax.text(middle, tower, str(turn.staleness), color="white", ha="center", va="center", fontsize=9)
        times = [due[turn.update_index] for turn in mine]
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
    """Draws parameters and update on the CPU, a tower on each device, and what goes between them.

    Args:
        ax: where.
        title: the question that the diagram answers.
        towers: how many.
        batch: images that they share.

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


def _arrow(ax: Axes, start: tuple, end: tuple, colour: str) -> None:
    style = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.5, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", end, start, arrowprops=style)
