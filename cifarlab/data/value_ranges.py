"""Convert images to bytes, whatever the range of their values. Needs only NumPy.

The range is recognized if only one fits. If several do, the error names the argument that decides.
"""

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from cifarlab.data.dataset import DataSetError
from cifarlab.text import counted, sanitize

Range = tuple[float, float]
"""The values of black and of white."""

_CHUNK_SIZE = 500  # images that are converted at a time
_NOISE = 1e-3  # rounding noise outside a range, as a fraction of its width: a quarter of a step of uint8
_WHOLE_RANGES = ((255, 32), (4095, 2048), (65535, 32768))  # 8, 12 and 16 bits, and the smallest maximum that shows them
_COMMON_RANGES: tuple[Range, ...] = ((0, 1), (-1, 1), (0, 255), (0, 1023), (0, 4095), (0, 16383), (0, 65535))


class Values(NamedTuple):
    """The type of some images' values, and the smallest and the largest one."""

    dtype: np.dtype
    low: float
    high: float

    def __str__(self) -> str:
        """Formats them for an error."""
        return f"{self.dtype} from {self.low:.6g} to {self.high:.6g}"

    def join(self, other: "Values") -> "Values":
        """Returns the values of both."""
        return Values(np.result_type(self.dtype, other.dtype), min(self.low, other.low), max(self.high, other.high))

    def within(self, limits: Range) -> bool:
        """Returns whether they are inside a range; floating-point values may exceed it by rounding noise."""
        noise = _NOISE * (limits[1] - limits[0]) if self.dtype.kind == "f" else 0
        return limits[0] - noise <= self.low and self.high <= limits[1] + noise


def measure(images: np.ndarray, name: str = "images", start: int = 0) -> Values:
    """Returns the values of images, [N, rows, columns, channels].

    Args:
        images: at least one image.
        name: what to call them in errors.
        start: the number of the first one.

    Raises:
        DataSetError: a value is infinite or not a number; the message says where.
    """
    low, high = float(images.min()), float(images.max())
    if not math.isfinite(low) or not math.isfinite(high):
        wrong = np.argwhere(~np.isfinite(images))
        image, row, column, channel = wrong[0]
        raise DataSetError(
            f"{name} must not contain NaN or infinity; image {start + image:,} has {images[tuple(wrong[0])]} at row "
            f"{row}, column {column}, channel {channel} ({counted(len(wrong), 'such value')}). Repair or leave "
            f"out these images."
        )
    return Values(images.dtype, low, high)


def find_range(parts: Mapping[str, Values], value_range: Range | None = None) -> Range:
    """Returns the values of black and white, the same for all parts.

    Args:
        parts: the values of each part, such as of the training and of the test images, by its name in errors.
        value_range: the values of black and white; by default, the only common range that fits.

    Raises:
        DataSetError: values are out of range, no range or more than one fits, or the parts have different ranges.

    >>> find_range({"images": Values(np.dtype("f4"), 0.0, 1.0000001)})
    (0, 1)
    """
    joined, *others = parts.values()
    for other in others:
        joined = joined.join(other)
    if value_range is not None:
        limits = _check_range(value_range)
        for name, values in parts.items():
            check_within(values, limits, name, "Correct value_range, or limit the values with np.clip.")
        return limits
    chosen = _recognize(joined)
    if chosen is None:
        raise _unclear(joined)
    for name, values in parts.items():
        alone = _recognize(values) or chosen
        scaled = alone in ((0, 1), (-1, 1)) and values.high > _NOISE  # unlike a dark part of integers
        if alone != chosen and (scaled or values.dtype != joined.dtype):
            raise DataSetError(
                f"all images must have values in one range; {name} are {values}, and all together are {joined}. "
                "Convert them to one range first."
            )
    return chosen


def check_within(values: Values, limits: Range, name: str, remedy: str) -> None:
    """Checks that values are in a range.

    Raises:
        DataSetError: they are not; the message ends with the remedy.
    """
    if not values.within(limits):
        raise DataSetError(f"{name} must have values from {limits[0]:g} to {limits[1]:g}; got {values}. {remedy}")


def _recognize(values: Values) -> Range | None:
    """Returns the only common range that fits, or None."""
    floats, low, high = values.dtype.kind == "f", values.low, values.high
    if values.dtype == bool:
        return 0, 1
    if low == high == 0:  # black in every range
        return 0, 255
    if floats and values.within((0, 1)):
        return 0, 1
    if floats and values.within((-1, 1)) and high - low > 1.5:  # less could be 0 to 1 without its mean
        return -1, 1
    for white, least in _WHOLE_RANGES:
        if values.within((0, white)) and (high >= least or (values.dtype == np.uint8 and high > 1)):
            return 0, white
    return None


def _unclear(values: Values) -> DataSetError:
    """Returns the error for values that fit no common range, or several."""
    negative = values.low < -_NOISE
    fitting = [limits for limits in _COMMON_RANGES if values.within(limits) and (limits[0] < 0) == negative]
    ranges = dict.fromkeys([*fitting[:2], (min(values.low, 0), values.high)])
    choices = " or ".join(f"value_range=({low:g}, {high:g})" for low, high in ranges)
    hint = "undo a standardization with images * std + mean, or an overshoot with np.clip, or "
    hint = hint if values.dtype.kind == "f" and (negative or values.high < 2) else ""
    return DataSetError(
        f"the range of the pixels must be known; got {values}. To continue, {hint}pass the values of black and white: "
        f"{choices}."
    )


def _check_range(value_range: Range) -> Range:
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low = high = math.nan
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise DataSetError(
            "value_range must be the values of black and white, two increasing numbers such as (0, 255); got "
            f"{sanitize(repr(value_range))[:40]}."
        )
    return low, high


def to_bytes(images: np.ndarray, limits: Range) -> np.ndarray:
    """Converts images with values in a range to uint8, 0-255.

    >>> to_bytes(np.array([-1.0, 0.0, 1.0000001]), (-1, 1)).tolist()
    [0, 128, 255]
    """
    low, high = limits
    if images.dtype == np.uint8 and (low, high) == (0, 255):
        return images
    scaled = (images.astype(np.float64) - low) * (255 / (high - low))
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def in_chunks(
    images: np.ndarray, labels: np.ndarray, order: np.ndarray, limits: Range
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields images as uint8 and labels in the given order, 500 at a time: a copy of all could exceed the memory."""
    for start in range(0, len(order), _CHUNK_SIZE):
        places = order[start : start + _CHUNK_SIZE]
        yield to_bytes(images[places], limits), labels[places]
