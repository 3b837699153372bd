"""Grids of images, and the arrays to draw in them."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from cifarlab.plotting.figures import legend_label

GRID_GAP = 2
"""White pixels between the images of a grid."""


def image_grid(
    ax: Axes,
    rows: Mapping[str, np.ndarray] | Sequence[np.ndarray],
    *,
    title: str = "",
    columns: Sequence[str] = (),
) -> None:
    """Draws rows of images as one grid, optionally with names of rows and columns.

    Args:
        ax: the axes to draw on.
        rows: images [N, height, width, 3] or [N, height, width] of each row, optionally by name; all of one size.
            Values are uint8, or floats that are clipped to 0-255. `rescale_to_255` converts standardized images.
        title: the question that the grid answers.
        columns: names of the columns.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> image_grid(ax, {"zeros": np.zeros([4, 24, 24, 3])})
    >>> ax.get_images()[0].get_array().shape
    (24, 102, 3)
    """
    names, rows = (list(rows), list(rows.values())) if isinstance(rows, Mapping) else ([], rows)
    images = [_as_bytes(np.asarray(row)) for row in rows]
    height, width = images[0].shape[1:3]
    count = max(len(row) for row in images)
    whole = np.full(
        [len(images) * (height + GRID_GAP) - GRID_GAP, count * (width + GRID_GAP) - GRID_GAP, 3], 255, np.uint8
    )
    for y, row in enumerate(images):
        for x, image in enumerate(row):
            top, left = y * (height + GRID_GAP), x * (width + GRID_GAP)
            whole[top : top + height, left : left + width] = image
    ax.imshow(whole, interpolation="nearest")
    _ticks(ax.yaxis, names, height)
    _ticks(ax.xaxis, list(columns), width)
    ax.xaxis.tick_top()
    ax.spines[:].set_visible(False)
    ax.set_title(title, loc="left", fontsize=11)


def rescale_to_255(images: np.ndarray) -> np.ndarray:
    """Rescales each image to the range 0 to 255, so that standardized images can be displayed.

    Args:
        images: float[N, ...] of any range.

    >>> rescale_to_255(np.array([[-1.0, 3.0]])).tolist()
    [[0.0, 255.0]]
    """
    images = np.asarray(images, np.float32)
    inside = tuple(range(1, images.ndim))
    low, high = images.min(inside, keepdims=True), images.max(inside, keepdims=True)
    return (images - low) / np.maximum(high - low, 1e-9) * 255


def feature_maps(values: np.ndarray, count: int = 16, size: int = 24) -> np.ndarray:
    """Returns the output of a stage for one image as gray tiles of equal size; larger values are lighter.

    Args:
        values: float[rows, columns, channels], whose first `count` channels become one tile each; or float[units],
            which are distributed to the tiles in order.
        count: the maximum number of tiles.
        size: rows and columns of a tile, in pixels.

    Returns:
        float32[tiles, size, size], gray levels of 0-230; white tiles would be invisible on a white page.

    >>> [feature_maps(np.zeros(shape)).shape for shape in ([12, 12, 64], [384], [10])]
    [(16, 24, 24), (16, 24, 24), (10, 24, 24)]
    """
    values = np.asarray(values, np.float32)
    if values.ndim == 1:
        count = min(count, len(values))
        each = len(values) // count
        height = max(divisor for divisor in range(1, int(each**0.5) + 1) if each % divisor == 0)
        small = values[: count * each].reshape(count, height, -1)
    else:
        small = np.moveaxis(values, -1, 0)[:count]
    rows, columns = (np.arange(size) * length // size for length in small.shape[1:])
    return 0.9 * rescale_to_255(small[:, rows][:, :, columns][None])[0]


def _as_bytes(images: np.ndarray) -> np.ndarray:
    """Converts images that `image_grid` accepts to uint8[N, height, width, 3]."""
    if images.ndim == 3:
        images = np.repeat(images[..., None], 3, axis=-1)
    return images if images.dtype == np.uint8 else np.clip(np.rint(images), 0, 255).astype(np.uint8)


def _ticks(axis, names: list[str], size: int) -> None:
    places = [(size - 1) / 2 + place * (size + GRID_GAP) for place in range(len(names))]
    axis.set_ticks(places, list(map(legend_label, names)), fontsize=9)
    axis.set_tick_params(length=0)
