"""Plots of a class's results in an assignment: the points of all students, and which advice they received."""

import textwrap
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cifarlab.plotting.figures import COLORS, MUTED_COLOR, legend_label
from cifarlab.text import sanitize

MAX_BARS = 12
"""The largest number of bars in the plot of the advice; more would fill the page."""
LABEL_CHARS = 46
"""The number of characters in each of the two lines of a bar's label."""
_BAR, _LEGEND_ROW = 0.42, 0.19  # heights in inches


def points(ax: Axes, each: Sequence[float], most: float) -> None:
    """Draws how many students reached which points, and their median.

    Args:
        ax: the axes to draw on.
        each: the points of each student.
        most: the maximum number of points.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> points(ax, [0, 4, 4, 10], most=10)
    >>> [int(bar.get_height()) for bar in ax.patches if bar.get_height()]
    [1, 2, 1]
    """
    width = max(1, int(np.ceil(most / 20)))  # each bar stands above the middle of its points
    edges = np.arange(-width / 2, most + width, width).tolist()
    middle = float(np.median(each))
    ax.hist(each, edges, color=COLORS[0], rwidth=0.85)
    ax.axvline(middle, color=COLORS[1], linewidth=1.8)
    ax.set_title(f"How many points did the {len(each)} students reach? (median {middle:g})", loc="left", fontsize=11)
    ax.set(xlabel=f"points, of {most:g}", ylabel="students", xlim=(edges[0] - 0.1, edges[-1] + 0.1))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    _frame(ax)


def advice_height(counts: Sequence[int], groups: Sequence[str]) -> float:
    """Returns the height of the figure for `advice`, in inches: each bar has the same height, however many there are.

    >>> advice_height([7, 2], ["1. Predictions"] * 2) < advice_height([7, 2], ["1. Predictions", "2. The loss"])
    True
    """
    tasks = len({*groups[:MAX_BARS]})
    return 0.82 + _BAR * len(counts[:MAX_BARS]) + (_LEGEND_ROW * tasks + 0.1 if tasks > 1 else 0)


def advice(ax: Axes, labels: Sequence[str], counts: Sequence[int], groups: Sequence[str]) -> None:
    """Draws how many students received each piece of advice, the first on top, in a color for each task.

    Args:
        ax: the axes to draw on, in a figure of the height `advice_height`.
        labels: the words of the advice, shortened to two lines; only the first `MAX_BARS` are drawn.
        counts: the number of students who received each.
        groups: the task that each belongs to.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> advice(ax, ["Each column adds up to 1.", "Large logits break it."], [7, 2], ["1. Predictions"] * 2)
    >>> [label.get_text() for label in ax.get_yticklabels()], [text.get_text() for text in ax.texts]
    (['Each column adds up to 1.', 'Large logits break it.'], ['7', '2'])
    """
    counts, shown = counts[:MAX_BARS], groups[:MAX_BARS]
    for number, task in enumerate(tasks := list(dict.fromkeys(shown))):
        places = [place for place, group in enumerate(shown) if group == task]
        color = COLORS[number % (len(COLORS) - 1)]  # not the last one, black, which a dark page would hide
        bars = ax.barh(places, [counts[place] for place in places], 0.62, color=color, label=legend_label(task))
        ax.bar_label(bars, fontsize=9, padding=3)
    ax.set_yticks(range(len(counts)), list(map(_two_lines, labels[:MAX_BARS])))
    ax.set_ylim(max(len(counts), 1) - 0.4, -0.6)
    ax.figure.suptitle("Which advice did most students receive?", x=0.01, ha="left", fontsize=11)
    ax.set_xlabel("students")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    _frame(ax)
    if len(tasks) > 1:
        ax.figure.legend(frameon=False, fontsize=9, loc="outside lower left")


def _two_lines(label: str) -> str:
    """Returns a label on at most two lines."""
    lines = textwrap.wrap(sanitize(label).replace("`", ""), LABEL_CHARS, max_lines=2, placeholder=" …")
    return "\n".join(lines)


def _frame(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
    ax.spines[["left", "bottom"]].set_color(MUTED_COLOR)
