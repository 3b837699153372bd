"""Where the camera stands that takes a house number, and what it makes of it. numpy only.

A picture is painted a few pixels wider than it is, so that what blurs into its edges is there.
"""

import numpy as np

from cifarlab.data.sources._drawing.shapes import SIZE, Dice, Sketch, number, turn

BLOTCHES, GRAINS = 8, 16  # rows and columns of the coarse and of the fine noise, stretched over a picture
_MARGIN = 4  # pixels around a picture
_WIDE = SIZE + 2 * _MARGIN
_BLUR = ((1, -0.3), (1, 0.2), (2, 0.42), (2, 0.66))  # pixels between the points that are mixed; how far off it begins


def view(count: int, r: Dice) -> Sketch:
    """Empty canvases [3, N, 40, 40] in the wall's coordinates, seen a little from the side, tilted, bent."""
    line = ((np.arange(_WIDE, dtype=np.float32) - _MARGIN) * 2 + (1 - SIZE)) / SIZE  # -1 to 1 across the picture
    x, y = line[None, None, :] - r(-0.2, 0.2), line[None, :, None] - r(-0.12, 0.12)
    cos, sin = turn((r(-0.1, 0.1) + r(-0.12, 0.12) + r(-0.2, 0.2) * r.coin(0.15)).ravel())
    x, y = x * cos + y * sin, y * cos - x * sin
    away = 1.0 + x * r(-0.12, 0.12) + y * r(-0.05, 0.05)
    scale = 1.0 / r(0.62, 0.98)  # a crop of SVHN is about as high as its digit
    x, y = x * scale / away, y * scale / away
    x = x + y * (r(-0.15, 0.2) + r(0.0, 0.2) * r.coin(0.25)) + y * y * r(-0.1, 0.1)
    y = y + x * x * r(-0.05, 0.05)
    return Sketch(np.empty([3, count, _WIDE, _WIDE], np.float32), x, y, scale * (2 / SIZE))


def photograph(canvas: np.ndarray, ground: np.ndarray, r: Dice, blotches: np.ndarray, grain: np.ndarray) -> np.ndarray:
    """Takes the pictures.

    Args:
        canvas: float32[3, N, 40, 40], 0-1.
        ground: float32[3, N, 1, 1], the colour that the digits stand out from.
        r: the dice.
        blotches: [N, 3 * 8 * 8], uniform numbers.
        grain: [N, 16 * 16], likewise.

    Returns:
        uint8[N, 32, 32, 3].
    """
    far = number(r.uniform())  # SVHN's pictures are enlarged, the more the farther off a house was
    for step, begin in _BLUR:
        canvas = _blurred(canvas, np.clip((far - begin) * 2.0, 0.0, 1.0) * 0.25, step)
    canvas = _fringed(canvas, r(-0.8, 0.8) * r(0.0, 1.0))
    canvas = ground + (canvas - ground) * (1.0 + far * 0.5)  # nobody labels a far number that does not stand out
    canvas = canvas + (canvas - _blurred(canvas, number(0.25), 2)) * (r(0.0, 1.1) * r.coin(0.4))  # sharpened
    contrast, bright, vivid = r(0.62, 0.92), r(-0.14, 0.06), r(0.45, 1.0)
    rough, noise = r(0.0, 0.12) * r(0.1, 1.0), r(0.0, 0.08) * r(0.0, 1.0) + 0.005
    coarse = _enlarged(number(blotches).reshape(-1, 3, BLOTCHES, BLOTCHES) - 0.5)
    fine = _enlarged(number(grain).reshape(-1, GRAINS, GRAINS) - 0.5) * noise
    grey = (canvas[0] + canvas[1] + canvas[1] + canvas[2]) * 0.25
    images = np.empty([canvas.shape[1], SIZE, SIZE, 3], np.uint8)
    for channel, (plane, bluish) in enumerate(zip(canvas, (0.0, 0.008, 0.03), strict=True)):
        cast, tint = r(0.97, 1.03), r(-0.015, 0.015)
        plane = grey + (plane - grey) * vivid
        plane = (plane - 0.5) * (contrast * cast) + (bright + tint + (0.5 + bluish))
        plane = plane + (coarse[:, 0] + coarse[:, channel] * 0.4) * rough + fine
        images[..., channel] = np.clip(np.floor(plane * 255.0 + 0.5), 0.0, 255.0).astype(np.uint8)
    return images


def _blurred(canvas: np.ndarray, share: np.ndarray, step: int) -> np.ndarray:
    """Mixes every pixel with those `step` to either side, above and below: `share` of each, 0 to 1/4."""
    for axis in (-2, -1):
        padded = np.pad(canvas, [(0, 0)] * (canvas.ndim + axis) + [(step, step)] + [(0, 0)] * (-1 - axis), mode="edge")
        size = canvas.shape[axis]
        around = np.take(padded, np.arange(size), axis) + np.take(padded, np.arange(size) + 2 * step, axis)
        around -= canvas + canvas
        around *= share
        canvas = canvas + around
    return canvas


def _fringed(canvas: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Cuts the margin off, and moves red a part of a pixel to one side and blue to the other, as cheap lenses do."""
    rows = slice(_MARGIN, -_MARGIN)
    inner = canvas[:, :, rows, rows].copy()
    for channel, way in ((0, 1), (2, -1)):
        for side in (1, -1):
            beside = canvas[channel, :, rows, _MARGIN + side : _MARGIN + side + SIZE]
            inner[channel] += (beside - canvas[channel, :, rows, rows]) * np.maximum(shift * (way * side), 0.0)
    return inner


def _enlarged(small: np.ndarray) -> np.ndarray:
    """Stretches float32[..., K, K] over [..., 32, 32]."""
    count = small.shape[-1]
    place = np.clip((np.arange(SIZE, dtype=np.float32) + 0.5) * (count / SIZE) - 0.5, 0.0, count - 1.001)
    low = np.floor(place).astype(int)
    part = place - low.astype(np.float32)
    small = small[..., low] + (small[..., low + 1] - small[..., low]) * part
    return small[..., low, :] + (small[..., low + 1, :] - small[..., low, :]) * part[:, None]
