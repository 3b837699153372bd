"""The camera that photographs a house number: its view, and its image quality. Needs only NumPy.

Images are painted with a margin of a few pixels, which is needed for the blur at the edges.
"""

import numpy as np

from cifarlab.data.sources._drawing.shapes import SIZE, Dice, Sketch, number, turn

BLOTCHES, GRAINS = 8, 16  # rows and columns of the coarse and the fine noise, before scaling to the image size
_MARGIN = 4  # pixels around an image
_WIDE = SIZE + 2 * _MARGIN
_BLUR = (
    (1, -0.3),
    (1, 0.2),
    (2, 0.42),
    (2, 0.66),
)  # (distance of the mixed pixels, distance of the house from which it applies)


def view(count: int, r: Dice) -> Sketch:
    """Returns empty canvases, [3, N, 40, 40], in wall coordinates with random perspective, tilt and bending."""
    line = ((np.arange(_WIDE, dtype=np.float32) - _MARGIN) * 2 + (1 - SIZE)) / SIZE  # -1 to 1 across the image
    x, y = line[None, None, :] - r(-0.2, 0.2), line[None, :, None] - r(-0.12, 0.12)
    cos, sin = turn((r(-0.1, 0.1) + r(-0.12, 0.12) + r(-0.2, 0.2) * r.coin(0.15)).ravel())
    x, y = x * cos + y * sin, y * cos - x * sin
    away = 1.0 + x * r(-0.12, 0.12) + y * r(-0.05, 0.05)
    scale = 1.0 / r(0.62, 0.98)  # a crop in SVHN is about as high as its digit
    x, y = x * scale / away, y * scale / away
    x = x + y * (r(-0.15, 0.2) + r(0.0, 0.2) * r.coin(0.25)) + y * y * r(-0.1, 0.1)
    y = y + x * x * r(-0.05, 0.05)
    return Sketch(np.empty([3, count, _WIDE, _WIDE], np.float32), x, y, scale * (2 / SIZE))


def photograph(canvas: np.ndarray, ground: np.ndarray, r: Dice, blotches: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Photographs the canvases: blurs, sharpens and recolors them, and adds noise.

    Args:
        canvas: float32[3, N, 40, 40], 0-1.
        ground: float32[3, N, 1, 1], the background color of the digits.
        r: random choices.
        blotches: [N, 3 * 8 * 8], uniform random numbers for the coarse noise.
        grain: [N, 16 * 16], uniform random numbers for the fine noise.

    Returns:
        uint8[N, 32, 32, 3].
    """
    far = number(r.uniform())  # SVHN's images of distant houses are enlarged, and therefore blurred
    for step, begin in _BLUR:
        canvas = _blur(canvas, np.clip((far - begin) * 2.0, 0.0, 1.0) * 0.25, step)
    canvas = _add_fringes(canvas, r(-0.8, 0.8) * r(0.0, 1.0))
    canvas = ground + (canvas - ground) * (
        1.0 + far * 0.5
    )  # in SVHN, distant numbers are labeled only if they are legible
    canvas = canvas + (canvas - _blur(canvas, number(0.25), 2)) * (r(0.0, 1.1) * r.coin(0.4))  # sharpening
    contrast, bright, vivid = r(0.62, 0.92), r(-0.14, 0.06), r(0.45, 1.0)
    rough, noise = r(0.0, 0.12) * r(0.1, 1.0), r(0.0, 0.08) * r(0.0, 1.0) + 0.005
    coarse = _enlarge(number(blotches).reshape(-1, 3, BLOTCHES, BLOTCHES) - 0.5)
    fine = _enlarge(number(grain).reshape(-1, GRAINS, GRAINS) - 0.5) * noise
    gray = (canvas[0] + canvas[1] + canvas[1] + canvas[2]) * 0.25
    images = np.empty([canvas.shape[1], SIZE, SIZE, 3], np.uint8)
    for channel, (plane, bluish) in enumerate(zip(canvas, (0.0, 0.008, 0.03), strict=True)):
        cast, tint = r(0.97, 1.03), r(-0.015, 0.015)
        plane = gray + (plane - gray) * vivid
        plane = (plane - 0.5) * (contrast * cast) + (bright + tint + (0.5 + bluish))
        plane = plane + (coarse[:, 0] + coarse[:, channel] * 0.4) * rough + fine
        images[..., channel] = np.clip(np.floor(plane * 255.0 + 0.5), 0.0, 255.0).astype(np.uint8)
    return images


def _blur(canvas: np.ndarray, share: np.ndarray, step: int) -> np.ndarray:
    """Mixes every pixel with those at distance `step` in each direction; `share` (0 to 1/4) is the weight of each."""
    for axis in (-2, -1):
        padded = np.pad(canvas, [(0, 0)] * (canvas.ndim + axis) + [(step, step)] + [(0, 0)] * (-1 - axis), mode="edge")
        size = canvas.shape[axis]
        around = np.take(padded, np.arange(size), axis) + np.take(padded, np.arange(size) + 2 * step, axis)
        around -= canvas + canvas
        around *= share
        canvas = canvas + around
    return canvas


def _add_fringes(canvas: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Crops the margin and shifts red and blue horizontally in opposite directions, like a cheap lens."""
    rows = slice(_MARGIN, -_MARGIN)
    inner = canvas[:, :, rows, rows].copy()
    for channel, way in ((0, 1), (2, -1)):
        for side in (1, -1):
            beside = canvas[channel, :, rows, _MARGIN + side : _MARGIN + side + SIZE]
            inner[channel] += (beside - canvas[channel, :, rows, rows]) * np.maximum(shift * (way * side), 0.0)
    return inner


def _enlarge(small: np.ndarray) -> np.ndarray:
    """Interpolates float32[..., K, K] to [..., 32, 32]."""
    count = small.shape[-1]
    place = np.clip((np.arange(SIZE, dtype=np.float32) + 0.5) * (count / SIZE) - 0.5, 0.0, count - 1.001)
    low = np.floor(place).astype(int)
    part = place - low.astype(np.float32)
    small = small[..., low] + (small[..., low + 1] - small[..., low]) * part
    return small[..., low, :] + (small[..., low + 1, :] - small[..., low, :]) * part[:, None]
