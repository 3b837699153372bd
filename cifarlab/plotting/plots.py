"""Plots of numbers in the course's style: each answers one question, which is its title.

Each function takes an `ax` and arrays, and draws; `figures.subplots` makes the axes and `figures.show` shows them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from cifarlab.plotting.figures import COLORS, MUTED_COLOR, legend_label


def lines(
    ax: Axes,
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    *,
    title: str,
    x: str,
    y: str,
    faint: Sequence[str] = (),
) -> None:
    """Draws curves of one quantity, each in a colour of its own.

    Args:
        ax: where.
        curves: by name, the values along x and y, equally many.
        title: the question that the plot answers.
        x: what is along x, with its unit.
        y: what is along y, with its unit.
        faint: names of curves to draw thin and pale, behind the others.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> lines(ax, {"loss": ([0, 10], [4.68, 4.36])}, title="Does it learn?", x="step", y="loss (nats)")
    >>> [line.get_label() for line in ax.get_lines()]
    ['loss']
    """
    for number, (name, (along, values)) in enumerate(curves.items()):
        colour = COLORS[number % len(COLORS)]
        if name in faint:
            ax.plot(along, values, color=colour, linewidth=0.8, alpha=0.35, label=legend_label(name), zorder=1)
        else:
            ax.plot(along, values, color=colour, linewidth=1.8, label=legend_label(name), zorder=2)
    _style(ax, title, x, y)
    if len(curves) > 1:
        ax.legend(frameon=False, fontsize=9)


def bars(
    ax: Axes,
    values: Mapping[str, float],
    *,
    title: str,
    y: str,
    x: str = "",
    errors: Sequence[float] | np.ndarray | None = None,
) -> None:
    """Draws one bar for each name, with its value above it.

    Args:
        ax: where.
        values: by name.
        title: the question that the plot answers.
        y: what the bars' height is, with its unit.
        x: what the names are.
        errors: how far an error bar reaches for each; two rows where it reaches otherwise down than up.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> bars(ax, {"1": 3000, "16": 5000}, title="What do threads bring?", x="threads", y="images/s")
    >>> [text.get_text() for text in ax.texts]
    ['3,000', '5,000']
    """
    heights = list(values.values())
    places = range(len(heights))  # names as places would become one bar where two are alike
    drawn = ax.bar(places, heights, color=COLORS[0], yerr=errors, ecolor=MUTED_COLOR, capsize=3)
    ax.set_xticks(places, list(map(legend_label, values)))
    if errors is None:
        ax.bar_label(drawn, [f"{height:,.4g}" if height < 1000 else f"{height:,.0f}" for height in heights], fontsize=9)
        ax.margins(y=0.12)
    _style(ax, title, x, y)
    ax.grid(visible=False, axis="x")


def agreement(ax: Axes, expected: np.ndarray, actual: np.ndarray, *, title: str, x: str, y: str) -> None:
    """Draws how far each weight moved in one update against how far it moved in another; equal ones are on the line.

    Args:
        ax: where.
        expected: float[N], each weight's move.
        actual: float[N], the same weights' moves in the other update.
        title: the question that the plot answers.
        x: which update the first is.
        y: which update the second is.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> agreement(ax, np.array([0.1, 0.2]), np.array([0.1, 0.3]), title="The same?", x="one", y="two")
    >>> [line.get_label() for line in ax.get_lines()]
    ['equal', 'one weight per point']
    """
    limit = 1.05 * float(max(np.abs(expected).max(), np.abs(actual).max()))
    ax.plot([-limit, limit], [-limit, limit], color=MUTED_COLOR, linewidth=0.9, label="equal")
    ax.plot(expected, actual, ".", color=COLORS[0], markersize=4, alpha=0.5, label="one weight per point")
    ax.set_xlim(-limit, limit)
    ax.set_ylim(-limit, limit)
    ax.set_box_aspect(1)
    ax.locator_params(nbins=5)
    _style(ax, title, x, y)


def stacked_bars(ax: Axes, wholes: Mapping[str, Mapping[str, float]], *, title: str) -> None:
    """Draws how each of several wholes is shared out among the same parts, a bar for each whole.

    Args:
        ax: where.
        wholes: by name, the parts' sizes by name; up to seven parts, in any unit.
        title: the question that the plot answers.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> stacked_bars(ax, {"time": {"conv1": 1.0, "conv2": 3.0}}, title="Where does it go?")
    >>> [text.get_text() for text in ax.texts], float(ax.patches[1].get_x())
    (['25', '75'], 25.0)
    """
    parts = list(dict.fromkeys(name for sizes in wholes.values() for name in sizes))
    percent = np.array([[sizes.get(part, 0.0) for part in parts] for sizes in wholes.values()], float)
    percent *= 100 / percent.sum(axis=1, keepdims=True)
    places, left = range(len(wholes)), np.zeros(len(wholes))
    for part, widths, colour in zip(parts, percent.T, COLORS, strict=False):
        drawn = ax.barh(
            places, widths, left=left, color=colour, edgecolor="white", height=0.66, label=legend_label(part)
        )
        labels = [f"{width:.0f}" if width >= 3 else "" for width in widths]
        ax.bar_label(drawn, labels, label_type="center", fontsize=9, color="white", fontweight="bold")
        left = left + widths
    ax.set_yticks(places, list(map(legend_label, wholes)))
    ax.invert_yaxis()
    ax.set_xlim(0, 100)
    _style(ax, title, "%", "")
    ax.grid(visible=False)
    ax.legend(frameon=False, fontsize=9, ncols=len(parts), loc="upper center", bbox_to_anchor=(0.45, -0.32))


def vertical_line(ax: Axes, x: float, text: str) -> None:
    """Marks a place along x with a thin upright line and a word.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> vertical_line(ax, 60_000, "published")
    >>> ax.texts[0].get_text()
    'published'
    """
    ax.axvline(x, color=MUTED_COLOR, linewidth=0.9, linestyle="--", zorder=0)
    ax.annotate(
        text,
        (x, 0.97),
        xycoords=("data", "axes fraction"),
        xytext=(3, 0),
        textcoords="offset points",
        rotation=90,
        va="top",
        fontsize=8,
        color=MUTED_COLOR,
    )


def _style(ax: Axes, title: str, x: str, y: str) -> None:
    ax.set_title(title, loc="left", fontsize=11)
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    ax.grid(color="#DDDDDD", linewidth=0.6, zorder=0)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
    ax.tick_params(labelsize=9)
