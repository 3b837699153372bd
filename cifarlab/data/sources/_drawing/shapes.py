"""Building blocks of the drawn images: random choices, coordinates, signed distances, fills. Needs only NumPy.

A shape is represented by its signed distance in units of the sketch's coordinates: negative inside, positive outside.
Values within half a pixel of zero form the smooth edge. Everything here works on a stack of images at once. A *number*
is a Python float (the same for all images) or float32[N, 1, 1] (one per image).

The result must be the same bytes on every processor. Pixels are therefore computed only with operations that IEEE 754
rounds correctly (+ - * / sqrt, minimum, maximum, floor), each in a separate NumPy call that no compiler can fuse. Sine
and cosine are computed once per image and rounded to six decimals.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

SIZE = 32
"""Rows and columns of an image."""


def validate_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """Returns the labels as an array, integers[N].

    Raises:
        ValueError: labels are not integers[N] from 0 to `classes - 1`.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels must be integers along one axis, [N]; got {labels.dtype}{list(labels.shape)}.")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise ValueError(
            f"labels must be from 0 to {classes - 1}; label {wrong[0]:,} is {labels[wrong[0]]} "
            f"({wrong.size:,} such labels in all)."
        )
    return labels


def number(value) -> np.ndarray:
    """A float or an array as float32[N or 1, 1, 1]; never 0-d, because NumPy 1 and 2 promote 0-d arrays differently."""
    return np.asarray(value, np.float32).reshape(-1, 1, 1)


def union(*distances: np.ndarray) -> np.ndarray:
    """The union of shapes: points inside any of them."""
    result = distances[0]
    for distance in distances[1:]:
        result = np.minimum(result, distance)
    return result


def intersection(*distances: np.ndarray) -> np.ndarray:
    """The intersection of shapes: points inside all of them."""
    result = distances[0]
    for distance in distances[1:]:
        result = np.maximum(result, distance)
    return result


def melt(a: np.ndarray, b: np.ndarray, width: float = 0.2) -> np.ndarray:
    """The union of two shapes with a smooth transition, such as between neck and body."""
    crease = np.maximum(width - np.abs(a - b), 0.0)
    return np.minimum(a, b) - crease * crease * (0.25 / width)


def blend(a, b, t) -> np.ndarray:
    """The color or number at fraction `t` of the way from a to b."""
    return a + (b - a) * t


def rgb(color) -> np.ndarray:
    """Converts "#rrggbb" or an array to a color, float32[3, N or 1, 1, 1]."""
    if isinstance(color, str):
        color = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.asarray(color, np.float32).reshape(3, -1, 1, 1)


class Dice:
    """Random choices for a stack of images, read in order from a table of uniform random numbers.

    Every image has its own row, so that it does not depend on the other images.
    """

    def __init__(self, table: np.ndarray):
        """Takes uniform random numbers in [0, 1), float64[N, K]."""
        self._table, self._next = table, 0

    def uniform(self) -> np.ndarray:
        """Returns the next uniform random number of each image, float64[N]."""
        self._next += 1
        return self._table[:, self._next - 1]

    def __call__(self, low: float, high: float) -> np.ndarray:
        """Returns a random number between `low` and `high` for each image."""
        return number(low + (high - low) * self.uniform())

    def coin(self, chance: float) -> np.ndarray:
        """Returns 1 with probability `chance`, otherwise 0, for each image."""
        return number(self.uniform() < chance)

    def color(self, palette: list[str], vary: float = 0.06) -> np.ndarray:
        """Returns a random color of the palette with random variation, float32[3, N, 1, 1]."""
        table = np.array([rgb(color).ravel() for color in palette])
        chosen = table[np.floor(self.uniform() * len(palette)).astype(int)].T
        shift = np.stack([2 * self.uniform() - 1 for _ in range(3)])
        return np.clip(rgb(chosen + vary * shift), 0.02, 1.0)


class Sketch:
    """A stack of canvases with the coordinate system for the next shapes, and the light."""

    def __init__(self, canvas: np.ndarray, x: np.ndarray, y: np.ndarray, pixel, light=None):
        """Takes the canvas, float32[3, N, 32, 32] (0-1, painted in place), coordinates x and y that broadcast to
        [N, 32, 32], the width of a pixel in these coordinates, and the light on every pixel (1 keeps colors unchanged).
        """
        self.canvas, self.x, self.y, self.pixel = canvas, x, y, number(pixel)
        self.light = number(1.0) if light is None else light

    def at(self, x, y, scale=1.0, angle=0.0) -> "Sketch":
        """Returns the canvas with its origin at (x, y), in units of `scale`, rotated clockwise by `angle` (radians)."""
        dx, dy, scale = self.x - number(x), self.y - number(y), number(scale)
        cos, sin = turn(angle)
        return Sketch(
            self.canvas,
            dx * (cos / scale) + dy * (sin / scale),
            dy * (cos / scale) - dx * (sin / scale),
            self.pixel / np.abs(scale),
            self.light,
        )

    def folded(self) -> "Sketch":
        """Returns the canvas mirrored at x = 0: shapes on the right also appear on the left."""
        return Sketch(self.canvas, np.abs(self.x), self.y, self.pixel, self.light)

    def fill(self, distance, color, opacity=1.0, rim=0.0, soft=0.0) -> None:
        """Paints a shape.

        Args:
            distance: signed distance of the shape.
            color: any argument of `rgb`.
            opacity: from 0 to 1.
            rim: how much darker the shape becomes toward its edge, which makes it look round.
            soft: additional width of the edge, in the sketch's units; the edge is at least one pixel wide.
        """
        cover = distance * (-1.0 / (self.pixel + number(soft)))
        cover += 0.5
        np.clip(cover, 0.0, 1.0, out=cover)
        if not (isinstance(opacity, float) and opacity == 1.0):
            cover = cover * number(opacity)
        light = self.light
        if rim:
            light = light - np.clip(distance * 6.0 + 1.0, 0.0, 1.0) * number(rim)
        for plane, value in zip(self.canvas, rgb(color), strict=True):
            change = light * value - plane
            change *= cover
            plane += change

    def disc(self, x, y, radius) -> np.ndarray:
        """A disc."""
        dx, dy = self.x - number(x), self.y - number(y)
        return np.sqrt(dx * dx + dy * dy) - number(radius)

    def ellipse(self, x, y, rx, ry, angle=0.0) -> np.ndarray:
        """An ellipse, rotated clockwise. The distance is approximate, but accurate near the outline."""
        part = self.at(x, y, 1.0, angle) if _is_rotated(angle) else self
        dx, dy = (part.x, part.y) if _is_rotated(angle) else (self.x - number(x), self.y - number(y))
        dx, dy = dx * (1.0 / number(rx)), dy * (1.0 / number(ry))
        sx, sy = dx * (1.0 / number(rx)), dy * (1.0 / number(ry))
        slope = np.sqrt(sx * sx + sy * sy) + 1e-3
        return (dx * dx + dy * dy - 1.0) / (slope + slope)

    def box(self, x, y, rx, ry, corner=0.0) -> np.ndarray:
        """An axis-aligned box from x - rx to x + rx and y - ry to y + ry with rounded corners."""
        dx = np.abs(self.x - number(x)) - (number(rx) - corner)
        dy = np.abs(self.y - number(y)) - (number(ry) - corner)
        if not corner:
            return np.maximum(dx, dy)
        ox, oy = np.maximum(dx, 0.0), np.maximum(dy, 0.0)
        return np.sqrt(ox * ox + oy * oy) + np.minimum(np.maximum(dx, dy), 0.0) - corner

    def polygon(self, *points) -> np.ndarray:
        """A convex polygon; its points are in clockwise or counterclockwise order."""
        corners = [(number(x), number(y)) for x, y in points]
        (ax, ay), (bx, by), (cx, cy) = corners[:3]
        sense = np.sign((bx - ax) * (cy - ay) - (by - ay) * (cx - ax))
        sides = []
        for (ax, ay), (bx, by) in zip(corners, corners[1:] + corners[:1], strict=True):
            dx, dy = bx - ax, by - ay
            length = np.sqrt(dx * dx + dy * dy) * sense
            nx, ny = dy / length, -dx / length
            sides.append(self.x * nx + self.y * ny - (ax * nx + ay * ny))
        return intersection(*sides)

    def limb(self, x0, y0, x1, y1, r0, r1=None) -> np.ndarray:
        """A rounded stroke from (x0, y0) to (x1, y1) whose radius changes from r0 to r1."""
        x0, y0, r0 = number(x0), number(y0), number(r0)
        r1 = r0 if r1 is None else number(r1)
        dx, dy = number(x1) - x0, number(y1) - y0
        scale = 1.0 / np.maximum(dx * dx + dy * dy, 1e-6)
        px, py = self.x - x0, self.y - y0
        along = px * (dx * scale) + py * (dy * scale)
        np.clip(along, 0.0, 1.0, out=along)
        px, py = px - along * dx, py - along * dy
        return np.sqrt(px * px + py * py) - (along * (r1 - r0) + r0)

    def strand(self, points, r0, r1) -> np.ndarray:
        """Limbs through all points, such as a tail or a mane; the radius changes from r0 to r1."""
        r0, r1, last = number(r0), number(r1), len(points) - 1
        radii = [blend(r0, r1, i / last) for i in range(last + 1)]
        pieces = []
        for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
            pieces.append(self.limb(x0, y0, x1, y1, radii[i], radii[i + 1]))
        return union(*pieces)

    def dots(self, x, y, step, count: int, radius) -> np.ndarray:
        """A row of `count` discs from (x, y) to the right, `step` apart."""
        index = np.clip(np.floor((self.x - number(x)) * (1.0 / number(step)) + 0.5), 0.0, count - 1.0)
        dx, dy = self.x - number(x) - index * number(step), self.y - number(y)
        return np.sqrt(dx * dx + dy * dy) - number(radius)

    def waves(self, y, height, length, shift=0.0) -> np.ndarray:
        """The area below a line of round waves."""
        phase = (self.x + number(shift)) * (1.0 / number(length))
        phase = phase - np.floor(phase)
        return number(y) - self.y + phase * (1.0 - phase) * (4.0 * number(height))


def turn(angle) -> tuple[np.ndarray, np.ndarray]:
    """Returns cosine and sine, rounded so that all math libraries agree."""
    angle = np.asarray(angle, np.float64)
    return number(np.round(np.cos(angle), 6)), number(np.round(np.sin(angle), 6))


def _is_rotated(angle) -> bool:
    return not (isinstance(angle, float) and angle == 0.0)


Painter = Callable[[Sketch, Dice], None]
"""A function that paints a background, a figure or a foreground object on a stack of images."""
