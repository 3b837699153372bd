"""Figures for notebooks: made without pyplot, shown as a picture that has its description in words beside it.

A notebook that is read by a screen reader, as text, or by a program that compares outputs sees the words: what the
author says can be seen, and what the axes hold.
"""

import base64
import hashlib
import html
import io
import warnings
from collections.abc import Iterator, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter

from cifarlab import text as safe_text

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which people with any kind of colour blindness can tell apart, in the order of their use."""

MUTED_COLOR = "#767676"
"""Of what should be seen second: grids, guides, notes; dark enough to be read on white."""

WIDTH = 8.0
"""Inches; a notebook's column shows that without scaling."""

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
    """A figure, of the course's width unless told otherwise, and its axes.

    Args:
        rows: of axes.
        columns: of axes.
        height: of the whole figure, in inches.
        width: of the whole figure, in inches.
        margins: those of matplotlib's `subplots_adjust`, in shares of the figure; by default what labels need, to
            find which is a third of the work of drawing.
        options: of matplotlib's `Figure.subplots`, such as `sharey=True`.

    Returns:
        the figure, and its axes as an array [rows * columns].

    >>> figure, axes = subplots(1, 2)
    >>> len(axes), float(figure.get_figwidth())
    (2, 8.0)
    """
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout=None if margins else "constrained")
    if margins:
        figure.subplots_adjust(**margins)
    return figure, figure.subplots(rows, columns, squeeze=False, **options).ravel()


def show(figure: Figure, alt: str, *, checksum: bool = False) -> None:
    """Shows a figure below a notebook's cell, with what can be seen in it in words.

    Args:
        figure: to show.
        alt: the alternative text: what a person would see who could, in a sentence or two.
        checksum: the figure's values are the same on every machine; their checksum becomes part of the words.
    """
    from IPython.display import display

    words = "\n".join([alt, *(f"[{line}]" for line in describe(figure, checksum=checksum))])
    display({"image/png": png(figure), "text/plain": words}, metadata={"image/png": {"alt": alt}}, raw=True)


def legend_label(name: str) -> str:
    """A name as it stands in a figure: plain, not too long, and not left out of the legend for how it begins.

    >>> legend_label("cat"), legend_label("_nolegend_")
    ('cat', ' _nolegend_')
    """
    name = safe_text.display_name(name)
    return f" {name}" if name.startswith("_") else name


def png(figure: Figure) -> bytes:
    """A figure as the bytes of a PNG file; the same figure gives the same bytes.

    What stands between two dollar signs is no formula here: it may be the name of somebody's class or run.
    """
    buffer = io.BytesIO()
    _disable_mathtext(figure)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a letter that the font lacks, a name that finds no room
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _disable_mathtext(figure: Figure) -> None:
    """Has no text of a figure read as a formula, but for the powers of ten that matplotlib writes along an axis."""
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


def html_image(figure: Figure, alt: str) -> str:
    """A figure as an element of HTML, with its alternative text; for widgets, which have no other place for one.

    >>> html_image(subplots()[0], "A curve.")[:42]
    '<img decoding="sync" alt="A curve." src="d'
    """
    data = base64.b64encode(png(figure)).decode()
    # Decoded with the page's next frame: a picture that is replaced does not flicker.
    return f'<img decoding="sync" alt="{html.escape(alt)}" src="data:image/png;base64,{data}">'


def describe(figure: Figure, *, checksum: bool = False) -> Iterator[str]:
    """A line for each of a figure's axes that hold something: title, labels, and what is drawn.

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
        yield f"A picture of {rows} x {columns}."
    for bars in ax.containers:
        if isinstance(bars, BarContainer):  # not their error bars
            yield f"{len(bars)} bars."


def _checksum(ax: Axes) -> str:
    """Of what is drawn, to four digits, so that it does not hang on the last bits of a sum."""
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
