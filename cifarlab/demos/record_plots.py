"""For lesson 1: the color planes of a record, and its bytes in hexadecimal."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from cifarlab.data.records import read_record
from cifarlab.plotting.figures import MUTED_COLOR, legend_label

PLANE_COLORS = {"label": "#000000", "red": "#C8102E", "green": "#00772F", "blue": "#0047BB"}
"""Colors of the parts of a record; dark enough for text on white."""


def color_planes(axes: Sequence[Axes], record: bytes, classes: Sequence[str]) -> None:
    """Draws the red, green and blue planes of a record, and the complete image.

    Args:
        axes: four axes.
        record: 3,073 bytes.
        classes: the class names.

    >>> from cifarlab.plotting import figures
    >>> figure, axes = figures.subplots(1, 4)
    >>> color_planes(axes, bytes([7]) + bytes(3072), list("abcdefghij"))
    >>> axes[3].get_title(loc="left")
    'together: h'
    """
    image, number = read_record(record)
    for channel, (ax, name) in enumerate(zip(axes[:3], ("red", "green", "blue"), strict=True)):
        plane = np.zeros_like(image)
        plane[..., channel] = image[..., channel]
        first = 1 + 1024 * channel
        ax.imshow(plane, interpolation="nearest")
        ax.set_title(f"{name}\nbytes {first:,} to {first + 1023:,}", loc="left", fontsize=10, color=PLANE_COLORS[name])
    axes[3].imshow(image, interpolation="nearest")
    axes[3].set_title(f"together: {legend_label(classes[number])}", loc="left", fontsize=10)
    for ax in axes:
        ax.set_xticks([])
        ax.set_yticks([])


def hex_dump(ax: Axes, record: bytes, *, width: int = 16) -> None:
    """Writes the label and the first bytes of each plane in hexadecimal, colored by plane, with their offsets.

    Args:
        ax: the axes to draw on.
        record: 3,073 bytes.
        width: bytes per line.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> hex_dump(ax, bytes(range(256)) * 12 + b"!")
    >>> [text.get_text() for text in ax.texts[:3]]
    ['0000', '00', 'label']
    """
    parts = {"label": (0, 1), "red": (1, width), "green": (1025, width), "blue": (2049, width)}
    text: dict[str, Any] = {"family": "monospace", "fontsize": 11, "va": "center"}
    for row, (name, (first, count)) in enumerate(parts.items()):
        ax.text(0, row, f"{first:04d}", color=MUTED_COLOR, **text)
        for column, value in enumerate(record[first : first + count]):
            ax.text(2.2 + column, row, f"{value:02x}", color=PLANE_COLORS[name], **text)
        note = name if name == "label" else f"... {name}"
        ax.text(2.4 + count, row, note, color=PLANE_COLORS[name], **text)
    ax.set_xlim(0, width + 5)
    ax.set_ylim(len(parts) - 0.5, -0.5)
    ax.set_axis_off()
