"""What the drawn pictures are made of: dice, coordinates, signed distances and brushes. numpy only.

A shape is its signed distance: below zero inside, above outside, in units of the sketch's coordinates; one
pixel's width around zero gives the smooth edge. Everything here works on a stack of pictures at once. A *number*
is a Python float (the same for all pictures) or float32[N, 1, 1] (one for each).

The same bytes must come out on every processor. So pixels see only operations that IEEE 754 rounds correctly
(+ - * / sqrt, minimum, maximum, floor), each a numpy call of its own that no compiler can fuse; sine and cosine
see one angle a picture and are rounded to six decimals.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np

SIZE = 32
"""Rows and columns of a picture."""


def checked_labels(labels: np.ndarray, classes: int) -> np.ndarray:
    """The labels as an array, integers [N].

    Raises:
        ValueError: labels that are not integers along one axis, each from 0 to below `classes`.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise ValueError(f"labels are integers along one axis, [N]; got {labels.dtype}{list(labels.shape)}.")
    wrong = np.flatnonzero((labels < 0) | (labels >= classes))
    if wrong.size:
        raise ValueError(
            f"labels lie in 0 to {classes - 1}, the places of the class names; label {wrong[0]:,} is "
            f"{labels[wrong[0]]} ({wrong.size:,} such in all)."
        )
    return labels


def number(value) -> np.ndarray:
    """A float or an array as float32[N or 1, 1, 1]; never 0-d, since numpy 1 and 2 promote 0-d arrays unlike."""
    return np.asarray(value, np.float32).reshape(-1, 1, 1)


def union(*distances: np.ndarray) -> np.ndarray:
    """All points in any of the shapes."""
    result = distances[0]
    for distance in distances[1:]:
        result = np.minimum(result, distance)
    return result


def intersection(*distances: np.ndarray) -> np.ndarray:
    """All points in every one of the shapes."""
    result = distances[0]
    for distance in distances[1:]:
        result = np.maximum(result, distance)
    return result


def melt(a: np.ndarray, b: np.ndarray, width: float = 0.2) -> np.ndarray:
    """The union of two shapes with the crease between them filled, as a neck grows out of a body."""
    crease = np.maximum(width - np.abs(a - b), 0.0)
    return np.minimum(a, b) - crease * crease * (0.25 / width)


def blend(a, b, t) -> np.ndarray:
    """The colour or number that lies the part `t` of the way from a to b."""
    return a + (b - a) * t


def rgb(colour) -> np.ndarray:
    """A colour as float32[3, N or 1, 1, 1], from "#rrggbb" or from such an array."""
    if isinstance(colour, str):
        colour = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return np.asarray(colour, np.float32).reshape(3, -1, 1, 1)


class Dice:
    """Random choices for a stack of pictures, read one after the other off a table of uniform numbers.

    Every picture has a row of its own, so that what it looks like does not depend on its neighbours.
    """

    def __init__(self, table: np.ndarray):
        """Takes float64[N, K] uniform numbers in [0, 1)."""
        self._table, self._next = table, 0

    def uniform(self) -> np.ndarray:
        """The next uniform number of each picture: float64[N]."""
        self._next += 1
        return self._table[:, self._next - 1]

    def __call__(self, low: float, high: float) -> np.ndarray:
        """A number of each picture between low and high."""
        return number(low + (high - low) * self.uniform())

    def coin(self, chance: float) -> np.ndarray:
        """1 with this chance, else 0."""
        return number(self.uniform() < chance)

    def colour(self, palette: list[str], vary: float = 0.06) -> np.ndarray:
        """A colour off the palette, made a little lighter, darker or another hue: float32[3, N, 1, 1]."""
        table = np.array([rgb(colour).ravel() for colour in palette])
        chosen = table[np.floor(self.uniform() * len(palette)).astype(int)].T
        shift = np.stack([2 * self.uniform() - 1 for _ in range(3)])
        return np.clip(rgb(chosen + vary * shift), 0.02, 1.0)


class Sketch:
    """A stack of canvases, the coordinates in which the next shapes are given, and the light."""

    def __init__(self, canvas: np.ndarray, x: np.ndarray, y: np.ndarray, pixel, light=None):
        """Takes the canvas float32[3, N, 32, 32] (0-1, painted in place), x and y that broadcast to
        [N, 32, 32], the width of a pixel in their unit and the light on every pixel (1 leaves a colour as it is).
        """
        self.canvas, self.x, self.y, self.pixel = canvas, x, y, number(pixel)
        self.light = number(1.0) if light is None else light

    def at(self, x, y, scale=1.0, angle=0.0) -> "Sketch":
        """The same canvas with the origin moved to (x, y), units of `scale`, turned clockwise by `angle` (rad)."""
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
        """The same canvas folded at x = 0: what is drawn on the right shows on the left as well."""
        return Sketch(self.canvas, np.abs(self.x), self.y, self.pixel, self.light)

    def fill(self, distance, colour, opacity=1.0, rim=0.0, soft=0.0) -> None:
        """Paints a shape.

        Args:
            distance: signed distance of the shape.
            colour: anything that `rgb` takes.
            opacity: 0-1.
            rim: how much darker the shape gets towards its edge, which makes it look round.
            soft: width of the edge in units, beyond one pixel.
        """
        cover = distance * (-1.0 / (self.pixel + number(soft)))
        cover += 0.5
        np.clip(cover, 0.0, 1.0, out=cover)
        if not (isinstance(opacity, float) and opacity == 1.0):
            cover = cover * number(opacity)
        light = self.light
        if rim:
            light = light - np.clip(distance * 6.0 + 1.0, 0.0, 1.0) * number(rim)
        for plane, value in zip(self.canvas, rgb(colour), strict=True):
            change = light * value - plane
            change *= cover
            plane += change

    def disc(self, x, y, radius) -> np.ndarray:
        """A disc."""
        dx, dy = self.x - number(x), self.y - number(y)
        return np.sqrt(dx * dx + dy * dy) - number(radius)

    def ellipse(self, x, y, rx, ry, angle=0.0) -> np.ndarray:
        """An ellipse, turned clockwise. Exact on the outline, close near it: distance is value over slope."""
        part = self.at(x, y, 1.0, angle) if _turned(angle) else self
        dx, dy = (part.x, part.y) if _turned(angle) else (self.x - number(x), self.y - number(y))
        dx, dy = dx * (1.0 / number(rx)), dy * (1.0 / number(ry))
        sx, sy = dx * (1.0 / number(rx)), dy * (1.0 / number(ry))
        slope = np.sqrt(sx * sx + sy * sy) + 1e-3
        return (dx * dx + dy * dy - 1.0) / (slope + slope)

    def box(self, x, y, rx, ry, corner=0.0) -> np.ndarray:
        """An upright box from x - rx to x + rx and y - ry to y + ry, its corners rounded."""
        dx = np.abs(self.x - number(x)) - (number(rx) - corner)
        dy = np.abs(self.y - number(y)) - (number(ry) - corner)
        if not corner:
            return np.maximum(dx, dy)
        ox, oy = np.maximum(dx, 0.0), np.maximum(dy, 0.0)
        return np.sqrt(ox * ox + oy * oy) + np.minimum(np.maximum(dx, dy), 0.0) - corner

    def polygon(self, *points) -> np.ndarray:
        """A convex polygon through the points, in either sense of rotation."""
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
        """A rounded stroke from (x0, y0) to (x1, y1) whose radius goes from r0 to r1."""
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
        """Limbs through all the points, as a tail or a mane has; radius r0 at the first and r1 at the last."""
        r0, r1, last = number(r0), number(r1), len(points) - 1
        radii = [blend(r0, r1, i / last) for i in range(last + 1)]
        pieces = []
        for i, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
            pieces.append(self.limb(x0, y0, x1, y1, radii[i], radii[i + 1]))
        return union(*pieces)

    def dots(self, x, y, step, count: int, radius) -> np.ndarray:
        """`count` discs in a row to the right of (x, y), `step` apart."""
        index = np.clip(np.floor((self.x - number(x)) * (1.0 / number(step)) + 0.5), 0.0, count - 1.0)
        dx, dy = self.x - number(x) - index * number(step), self.y - number(y)
        return np.sqrt(dx * dx + dy * dy) - number(radius)

    def waves(self, y, height, length, shift=0.0) -> np.ndarray:
        """Everything below a line of round waves."""
        phase = (self.x + number(shift)) * (1.0 / number(length))
        phase = phase - np.floor(phase)
        return number(y) - self.y + phase * (1.0 - phase) * (4.0 * number(height))


def turn(angle) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine, rounded to what every mathematics library agrees on."""
    angle = np.asarray(angle, np.float64)
    return number(np.round(np.cos(angle), 6)), number(np.round(np.sin(angle), 6))


def _turned(angle) -> bool:
    return not (isinstance(angle, float) and angle == 0.0)


Painter = Callable[[Sketch, Dice], None]
"""Paints a place, a figure or what is in front over a stack of pictures."""
