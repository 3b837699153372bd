"""Figures for notebooks, made without pyplot and shown with a description in words.

The description is for screen readers, text displays and programs that compare outputs. It consists of the alternative
text by the author and a list of what the axes contain.
"""

import base64
import hashlib
import html
import io
import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter

from cifarlab import text as safe_text
from cifarlab.plotting import fonts

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""The colors of curves, in this order: the palette of Okabe and Ito, which is safe for color-blind readers."""

MUTED_COLOR = "#767676"
"""The color of grids, guides and notes; dark enough to be readable on white."""

WIDTH = 8.0
"""Width of a figure in inches; it fits into a notebook's column without scaling."""

DOTS_PER_INCH = 96


def subplots(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float = 3.2,
    width: float = WIDTH,
    margins: Mapping[str, float] | None = None,
    **options,
) -> tuple[Figure, np.ndarray]:
    """Creates a figure and its axes.

    Args:
        rows: rows of axes.
        columns: columns of axes.
        height: height of the whole figure, in inches.
        width: width of the whole figure, in inches.
        margins: arguments of matplotlib's `subplots_adjust`, as fractions of the figure. By default, the margins fit
            the labels, but computing them takes a third of the drawing time.
        options: options of matplotlib's `Figure.subplots`, such as `sharey=True`.

    Returns:
        The figure, and its axes as an array [rows * columns].

    >>> figure, axes = subplots(1, 2)
    >>> len(axes), float(figure.get_figwidth())
    (2, 8.0)
    """
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=None if margins else "constrained")
    if margins:
        figure.subplots_adjust(**margins)
    return figure, figure.subplots(rows, columns, squeeze=False, **options).ravel()


def show(figure: Figure, alt: str, *, checksum: bool = False) -> None:
    """Shows a figure below a notebook's cell, with its description in words.

    Args:
        figure: the figure to show.
        alt: alternative text: what can be seen in the figure, in one or two sentences.
        checksum: whether to add a checksum of the values, if they are the same on every machine.
    """
    from IPython.display import display

    words = "\n".join([alt, *(f"[{line}]" for line in describe(figure, checksum=checksum))])
    display({"image/png": png(figure), "text/plain": words}, metadata={"image/png": {"alt": alt}}, raw=True)


def legend_label(name: str) -> str:
    """Returns a name for display in a figure: sanitized, shortened, and never hidden from the legend.

    Matplotlib hides labels that begin with an underscore, so a space is put before it.

    >>> legend_label("cat"), legend_label("_nolegend_")
    ('cat', ' _nolegend_')
    """
    name = safe_text.display_name(name)
    return f" {name}" if name.startswith("_") else name


def class_labels(classes: Sequence[str]) -> list[str]:
    """Returns the label of each class; a name that no installed font can draw gets the number of its class.

    >>> class_labels(["cat", "dog"]), class_labels(["cat", "\U000e5678"])
    (['cat', 'dog'], ['cat', '1: \U000e5678'])
    """
    labels = (f"{number}: {name}" if fonts.undrawable(name) else name for number, name in enumerate(classes))
    return list(map(legend_label, labels))


def png(figure: Figure) -> bytes:
    """Returns a figure as the bytes of a PNG file; equal figures give equal bytes.

    Text between dollar signs is not rendered as a formula, because it may be part of the name of a class or run.
    """
    buffer = io.BytesIO()
    if fonts.choose_fonts(figure):
        figure.supxlabel(fonts.NOTE, fontsize=8, color=MUTED_COLOR)
    _disable_mathtext(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # about missing glyphs, or labels without enough room
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _disable_mathtext(figure: Figure) -> None:
    """Disables formulas in all text of a figure, except the powers of ten that matplotlib writes along an axis."""
    powers = {
        text
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        if isinstance(axis.get_major_formatter(), LogFormatter)
        for text in axis.findobj(Text)
        if text is not axis.label
    }
    for text in figure.findobj(Text):
        text.set_parse_math(text in powers)
        text.set_usetex(False)  # which a user's matplotlib settings may ask for


def html_image(figure: Figure, alt: str) -> str:
    """Returns a figure as an HTML element with alternative text, for widgets that support no other way to set it.

    >>> html_image(subplots()[0], "A curve.")[:42]
    '<img decoding="sync" alt="A curve." src="d'
    """
    data = base64.b64encode(png(figure)).decode()
    # Synchronous decoding keeps the image from flickering when it is replaced.
    return f'<img decoding="sync" alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def describe(figure: Figure, *, checksum: bool = False) -> Iterator[str]:
    """Yields a line for each non-empty axes of a figure: title, labels and contents.

    >>> figure, (ax,) = subplots()
    >>> _ = ax.plot([0, 1, 2], [3, 2, 1], label="loss"), ax.set_title("Does it learn?"), ax.set_xlabel("step")
    >>> list(describe(figure))
    ['Does it learn? x: step. loss: 3 points.']
    >>> list(describe(figure, checksum=True))
    ['Does it learn? x: step. loss: 3 points. Values: acaa2d19.']
    """
    for ax in figure.axes:
        if not ax.has_data():
            continue
        labels = [f"{name}: {text}." for name, text in (("x", ax.get_xlabel()), ("y", ax.get_ylabel())) if text]
        parts = [ax.get_title(loc="left") or ax.get_title() or "Untitled.", *labels, *_contents(ax)]
        if checksum:
            parts.append(f"Values: {_checksum(ax)}.")
        yield safe_text.sanitize_lines(" ".join(part if part[-1] in ".?!" else f"{part}." for part in parts))


def _contents(ax: Axes) -> Iterator[str]:
    for line in ax.get_lines():
        name = str(line.get_label())
        if not name.startswith("_"):
            yield f"{name}: {np.size(line.get_xdata())} points."
    for image in ax.get_images():
        rows, columns = image.get_size()
        yield f"An image of {rows} x {columns}."
    for bars in ax.containers:
        if isinstance(bars, BarContainer):  # without their error bars
            yield f"{len(bars)} bars."


def _checksum(ax: Axes) -> str:
    """Returns a checksum of the drawn values to four digits, so that it does not depend on rounding errors."""
    digest = hashlib.sha256()
    for artist in [*ax.get_lines(), *ax.get_images(), *ax.patches]:
        for values in _values(artist):
            digest.update(" ".join(f"{value:.4g}" for value in np.ravel(values)).encode())
    return digest.hexdigest()[:8]


def _values(artist) -> list:
    if isinstance(artist, AxesImage):
        return [artist.get_array()]
    if hasattr(artist, "get_xydata"):
        return [artist.get_xydata()]
    return [artist.get_bbox().get_points()] if hasattr(artist, "get_bbox") else []
