"""Plots of numbers in the course's style: each answers one question, which is its title.

Each function draws arrays on the given axes; `figures.subplots` creates axes and `figures.show` shows a figure.
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
    """Draws curves of one quantity, each in a different color.

    Args:
        ax: the axes to draw on.
        curves: the x and y values of each curve, by name.
        title: the question that the plot answers.
        x: label of the x axis, with its unit.
        y: label of the y axis, with its unit.
        faint: names of curves to draw thin and pale, behind the others.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> lines(ax, {"loss": ([0, 10], [4.68, 4.36])}, title="Does it learn?", x="step", y="loss (nats)")
    >>> [line.get_label() for line in ax.get_lines()]
    ['loss']
    """
    for number, (name, (along, values)) in enumerate(curves.items()):
        color = COLORS[number % len(COLORS)]
        if name in faint:
            ax.plot(along, values, color=color, linewidth=0.8, alpha=0.35, label=legend_label(name), zorder=1)
        else:
            ax.plot(along, values, color=color, linewidth=1.8, label=legend_label(name), zorder=2)
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
    """Draws one bar per name, with its value above it.

    Args:
        ax: the axes to draw on.
        values: the values by name.
        title: the question that the plot answers.
        y: label of the y axis, with its unit.
        x: label of the x axis.
        errors: half the length of each error bar, or two rows of lengths (down and up); they replace the values above.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> bars(ax, {"1": 3000, "16": 5000}, title="What do threads bring?", x="threads", y="images/s")
    >>> [text.get_text() for text in ax.texts]
    ['3,000', '5,000']
    """
    heights = list(values.values())
    places = range(len(heights))  # not the names: matplotlib merges the bars of equal names
    drawn = ax.bar(places, heights, color=COLORS[0], yerr=errors, ecolor=MUTED_COLOR, capsize=3)
    ax.set_xticks(places, list(map(legend_label, values)))
    if errors is None:
        ax.bar_label(drawn, [f"{height:,.4g}" if height < 1000 else f"{height:,.0f}" for height in heights], fontsize=9)
        ax.margins(y=0.12)
    _style(ax, title, x, y)
    ax.grid(visible=False, axis="x")


def agreement(ax: Axes, expected: np.ndarray, actual: np.ndarray, *, title: str, x: str, y: str) -> None:
    """Draws the change of each weight in one update against its change in another; equal changes are on the line.

    Args:
        ax: the axes to draw on.
        expected: float[N], the change of each weight.
        actual: float[N], the changes of the same weights in the other update.
        title: the question that the plot answers.
        x: label of the first update.
        y: label of the second update.

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
    """Draws one bar per total, divided into its parts in percent.

    Args:
        ax: the axes to draw on.
        wholes: for each total by name, the sizes of its parts by name; up to seven parts, in any unit.
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
    for part, widths, color in zip(parts, percent.T, COLORS, strict=False):
        drawn = ax.barh(
            places, widths, left=left, color=color, edgecolor="white", height=0.66, label=legend_label(part)
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
    """Marks an x value with a thin vertical line and a label.

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
