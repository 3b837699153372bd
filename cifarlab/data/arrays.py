"""Read images in memory, whatever the order of their axes. Needs only NumPy.

The order is recognized if only one reading fits. If several do, the error names the argument that decides.
"""

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cifarlab.data.dataset import DataSetError
from cifarlab.text import counted, sanitize

MEMORY_AXES = ("NHWC", "NCHW", "HWCN", "NHW", "HWN")
"""The orders of axes that are recognized: N images of H rows, W columns and C channels."""

_MIN_SIDE, _MAX_CHANNELS = 5, 4  # smaller sides and more channels are possible, but must be stated with `axes`
_MIN_ROW_SIDE = 8  # a row of fewer values than 8 x 8 is a row of a table, not an image
_SMOOTHER = 1.5  # the right order of a row's values is at least that much smoother than the wrong one
_SAMPLES = 1_000  # images that are examined for it


def as_images(images: Any, name: str = "images") -> np.ndarray:
    """Returns images as an array of numbers of any shape.

    Args:
        images: an array, or anything that NumPy can convert: a list of arrays of one size, a tensor, a data frame.
        name: what to call them in errors.

    Raises:
        DataSetError: they are not numbers, have several sizes, or are partly masked.
    """
    if isinstance(images, str | bytes | os.PathLike | Mapping):
        got = "a dictionary; pass its arrays" if isinstance(images, Mapping) else "a path; load the file first"
        got = "bytes; convert them with np.frombuffer" if isinstance(images, bytes) else got
        raise DataSetError(f"{name} must be an array of numbers; got {got}.")
    if np.ma.is_masked(images):
        raise DataSetError(
            f"{name} must not contain masked values; {np.ma.count_masked(images):,} are masked. Fill them first, such "
            f"as with {name}.filled(0)."
        )
    try:
        found = np.asarray(images) if hasattr(images, "__array__") else _stack(images, name)
        found = _stack(found, name) if found.dtype == object else found
    except DataSetError:
        raise
    except Exception as error:  # tensors of other libraries raise any exception
        why = " ".join(sanitize(" ".join(str(error).split())).split())[:120]
        raise DataSetError(
            f"{name} must be an array of numbers; {type(images).__name__} cannot be converted: {why}."
        ) from None
    if found.dtype.kind not in "buif":
        what = "text; to read image files, use from_folder" if found.dtype.kind in "USO" else str(found.dtype)
        raise DataSetError(f"{name} must be numbers [N, rows, columns, channels]; got {what}.")
    return found


def _stack(images: Any, name: str) -> np.ndarray:
    """Stacks images of one size."""
    arrays = [np.asarray(image) for image in images]  # type: ignore[attr-defined]
    for i, array in enumerate(arrays):
        if array.shape != arrays[0].shape:
            raise DataSetError(
                f"{name} must all have the same size; got {_size(arrays[0].shape)} (image 0) and {_size(array.shape)} "
                f"(image {i:,}). Convert them to one size and number of channels first."
            )
    return np.stack(arrays) if arrays else np.zeros([0, 0, 0, 0], np.uint8)


def orient(
    images: np.ndarray,
    count: int,
    axes: str | None = None,
    name: str = "images",
    *,
    forms: Sequence[str] = MEMORY_AXES,
    like: str | None = None,
) -> tuple[np.ndarray, str]:
    """Returns images as [N, rows, columns, channels], and the order of axes in which they were given.

    Args:
        images: [N, rows, columns, channels] or another order of `forms`, or rows of values, [N, values].
        count: the number of labels, which equals N.
        axes: the order of axes as letters, such as "NCHW"; by default, the only order that fits the shape. For rows of
            color values, "NCHW" means red, green and blue planes as in CIFAR-10's files, and "NHWC" pixel by pixel.
        name: what to call them in errors.
        forms: the orders to recognize.
        like: the order of other images, which is preferred if several fit.

    Raises:
        DataSetError: no order fits, or several do.

    >>> orient(np.zeros([10, 3, 32, 32]), 10)[0].shape, orient(np.zeros([28, 28, 60]), 60)[0].shape
    ((10, 32, 32, 3), (60, 28, 28, 1))
    """
    axes = None if axes is None else _check_axes(axes)
    if images.ndim == 2:
        return _orient_rows(images, count, axes or like, name)
    fitting = [form for form in forms if len(form) == images.ndim and _fits(form, images.shape, count)]
    fitting = [like] if like in fitting else fitting
    if not images.size or (axes is None and len(fitting) != 1):
        raise _axes_error(images, count, name, fitting, forms)
    got = f"{images.dtype}{list(images.shape)}"
    axes = axes or fitting[0]
    if len(axes) != images.ndim or images.shape[axes.index("N")] != count:
        raise DataSetError(f"{name} must have the axes {axes}, with N = {counted(count, 'label')}; got {got}.")
    places = [(axes + "C").index(letter) for letter in "NHWC"]
    return (images if "C" in axes else images[..., None]).transpose(places), axes


def _axes_error(
    images: np.ndarray, count: int, name: str, fitting: Sequence[str], forms: Sequence[str]
) -> DataSetError:
    """Returns the error for images whose axes are not known, because no order fits or several do."""
    got = f"{images.dtype}{list(images.shape)}"
    likely = [form for form in forms if len(form) == images.ndim and form != "HWN"]
    totals = {
        images.shape[form.index("N")] for form in likely if _fits(form, images.shape, images.shape[form.index("N")])
    }
    if not images.size:
        return DataSetError(f"{name} must not be empty; got {got} with {counted(count, 'label')}. Pass some.")
    if totals and not fitting:
        *several, last = sorted(totals)
        there = "".join(f"{total:,} or " for total in several) + counted(last, "image")
        return DataSetError(
            f"labels must be one for each of {there}; got {counted(count, 'label')} for {name} {got}. Pass all of them."
        )
    choices = " or ".join(f'axes="{form}"' for form in fitting) or 'the order of their axes, such as axes="NHWC"'
    reading = "can be read in several ways" if fitting else "does not show which axes are rows, columns and channels"
    return DataSetError(
        f"{name} must be [N, rows, columns, channels]; {got} with {counted(count, 'label')} {reading}. Pass {choices}."
    )


def _check_axes(axes: str) -> str:
    if not isinstance(axes, str) or sorted(axes.upper()) not in (sorted("NHWC"), sorted("NHW")):
        raise DataSetError(
            'axes must be the letters N (images), H (rows), W (columns) and C (channels) in order, such as "NCHW"; got '
            f"{sanitize(repr(axes))[:40]}."
        )
    return axes.upper()


def _fits(form: str, shape: tuple[int, ...], count: int) -> bool:
    sizes = dict(zip(form, shape, strict=True))
    plausible = min(sizes["H"], sizes["W"]) >= _MIN_SIDE and 1 <= sizes.get("C", 1) <= _MAX_CHANNELS
    return plausible and sizes["N"] == count


def _orient_rows(images: np.ndarray, count: int, axes: str | None, name: str) -> tuple[np.ndarray, str]:
    """Returns square images, given one per row: grayscale, or three planes, or pixel by pixel."""
    rows, length = images.shape
    if rows != count:
        raise DataSetError(f"{name} must be one per row; got one per column. Pass the transposed array, {name}.T.")
    gray, color = math.isqrt(length), math.isqrt(length // 3)
    if gray**2 == length and gray >= _MIN_ROW_SIDE:
        return images.reshape(-1, gray, gray, 1), "NHWC"
    if 3 * color**2 != length or color < _MIN_ROW_SIDE:
        raise DataSetError(
            f"{name} must be [N, rows, columns, channels], or rows of the values of square images, such as 784 or "
            f"3,072; got rows of {length:,}. Reshape them, and remove columns with other values, such as labels."
        )
    readings = {
        "NCHW": images.reshape(-1, 3, color, color).transpose(0, 2, 3, 1),
        "NHWC": images.reshape(-1, color, color, 3),
    }
    if axes is None:
        rough = {form: _roughness(reading) for form, reading in readings.items()}
        smooth = min(rough, key=rough.__getitem__)
        if max(rough.values()) < _SMOOTHER * rough[smooth] and max(rough.values()) > 0:
            raise DataSetError(
                f"rows of {length:,} values can be read in two ways, and these {name} do not show which one is right. "
                'Pass axes="NCHW" for red, green and blue planes, as in CIFAR-10\'s files, or axes="NHWC" for pixel by '
                "pixel."
            )
        axes = smooth
    if axes not in readings:
        raise DataSetError(f'rows of {length:,} values have the axes "NCHW" or "NHWC"; got {axes!r}.')
    return readings[axes], axes


def _roughness(images: np.ndarray) -> float:
    """Returns the mean difference of neighboring values of one channel, over some of the images."""
    some = np.nan_to_num(images[:: max(1, len(images) // _SAMPLES)].astype(np.float32))
    return float(sum(np.abs(np.diff(some, axis=axis)).mean() for axis in (1, 2)))


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "a single number"
