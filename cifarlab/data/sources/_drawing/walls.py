"""Walls and signs behind the drawn house numbers, and the painting of the digits.

Coordinates are those of the wall: digits span -1 to 1 in y, the labeled digit is centered at (0, 0), and y increases
downward. `Numbers` describes the house number in each image.
"""

from collections.abc import Callable, Sequence

import numpy as np

from cifarlab.data.sources._drawing.numerals import Numbers
from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, number, rgb

DARK = ["#16204a", "#1c2f6b", "#23407f", "#2a2d33", "#1d1b1c", "#3a3430", "#4a3a30", "#33403a", "#5a2420", "#44484e"]
MIDDLE = ["#7d7a78", "#8b8078", "#6f7680", "#9a7a58", "#86604c", "#6a6a72", "#8e8e86", "#a0876a", "#5f6f86", "#7f8f88"]
LIGHT = ["#e8e6e2", "#d9d6d0", "#c9ccd4", "#d8cdb8", "#bfc4cc", "#f2f2f0", "#cdbfa8", "#b4b0ac", "#d0d8e0", "#b8c4c0"]
SIGN_DARK = ["#14255f", "#1b3a86", "#22489a", "#101d48", "#17181c", "#1f3f3a", "#6a1f1c", "#2b2620"]
SIGN_LIGHT = ["#f4f4f2", "#e9ebef", "#ffffff", "#efe8d2", "#dfe4ec"]
PAINTS = ["#1a2f80", "#15161a", "#1d1d28", "#7a1f1a", "#27241f", "#1f4030", "#3a2a1c"]
BRASS = ["#c9a24a", "#b08a3c", "#d8c07a", "#a8adb4", "#c9ced4"]
BLACK, WHITE = "#101014", "#ffffff"


def choose(palettes: Sequence[list[str]], which: np.ndarray, r: Dice) -> np.ndarray:
    """Returns a random color from the palette `which` of each image, float32[3, N, 1, 1]."""
    every = np.array([rgb(color).ravel() for palette in palettes for color in palette])
    sizes = np.array([len(palette) for palette in palettes])
    first = np.cumsum(sizes) - sizes
    chosen = every[first[which] + np.floor(r.uniform() * sizes[which]).astype(int)].T
    shift = np.stack([2 * r.uniform() - 1 for _ in range(3)])
    return np.clip(rgb(chosen + 0.02 * (shift + 2 * shift[:1])), 0.02, 1.0)


def plain(s: Sketch, r: Dice, numbers: Numbers, color) -> None:
    """A plain wall."""


def patch(s: Sketch, r: Dice, numbers: Numbers, color) -> None:
    """A wall with something next to the number: a frame, a pipe, another house."""
    left, right = number(numbers.ends[:, 0]) - r(0.1, 0.9), number(numbers.ends[:, 1]) + r(0.1, 0.9)
    other = blend(r.color(DARK + MIDDLE + LIGHT), color, r(0.0, 0.5))
    beside = np.where(r.coin(0.5) > 0, s.x - left, right - s.x)
    s.fill(beside, other, soft=0.1)
    s.fill(np.abs(beside) - r(0.02, 0.08), other * 0.5, r.coin(0.5))


def plate(s: Sketch, r: Dice, numbers: Numbers, color) -> None:
    """A sign on a wall, sometimes with a shadow or a line along its edge."""
    left, right = number(numbers.ends[:, 0]), number(numbers.ends[:, 1])
    sign = s.box((left + right) * 0.5, r(-0.05, 0.05), (right - left) * 0.5 + r(0.1, 0.5), 1.0 + r(0.08, 0.5), 0.05)
    wall, line = blend(r.color(MIDDLE + DARK + LIGHT), color, r(0.0, 0.3)), r.color([*SIGN_LIGHT, *DARK[:4]])
    s.fill(-sign, wall)
    s.fill(np.maximum(-sign, sign - r(0.03, 0.12)), BLACK, r.coin(0.4) * r(0.2, 0.7), soft=0.08)
    s.fill(np.abs(sign + r(0.04, 0.12)) - r(0.01, 0.05), line, r.coin(0.4) * r(0.4, 1.0))


def tiles(s: Sketch, r: Dice, numbers: Numbers, color) -> None:
    """A separate tile for each digit."""
    gap, line = r(0.0, 0.05), r.color(LIGHT + DARK)
    joints = np.abs(s.x - number(numbers.edges[:, 0]))
    for edge in range(1, numbers.edges.shape[1]):
        joints = np.minimum(joints, np.abs(s.x - number(numbers.edges[:, edge])))
    frame = np.minimum(joints, (1.0 + r(0.1, 0.3)) - np.abs(s.y))
    s.fill(frame - gap, line, r(0.4, 1.0), soft=0.02)


def bricks(s: Sketch, r: Dice, numbers: Numbers, color) -> None:
    """Rows of bricks, or of boards if they are long."""
    tall, shift = r(0.5, 1.4), r(0, 1)
    course = s.y * (1.0 / tall) + shift
    row = np.floor(course)
    across = s.x * (1.0 / (tall * (r(1.6, 3.0) + r.coin(0.4) * 50.0))) + row * 0.5 + r(0, 1)
    joint = np.minimum(
        (0.5 - np.abs(course - row - 0.5)) * tall, (0.5 - np.abs(across - np.floor(across) - 0.5)) * tall * 2.0
    )
    s.fill(joint - r(0.02, 0.07), blend(color, r.color(LIGHT + DARK), r(0.2, 0.7)), r(0.2, 0.9), soft=0.05)


def planks(s: Sketch, r: Dice, numbers: Numbers, color) -> None:
    """The boards of a door, with vertical joints."""
    wide = r(0.6, 2.0)
    place = s.x * (1.0 / wide) + r(0, 1)
    joint = (0.5 - np.abs(place - np.floor(place) - 0.5)) * wide
    s.fill(joint - r(0.01, 0.06), color * r(0.4, 0.9), r(0.3, 0.9), soft=0.06)


Ground = Callable[[Sketch, Dice, Numbers, np.ndarray], None]
GROUNDS: tuple[tuple[Ground, int], ...] = ((plain, 5), (patch, 4), (plate, 7), (tiles, 1), (bricks, 2), (planks, 1))
"""The functions that paint a background, each with its relative frequency."""


def colors(r: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Returns the colors of the background and of the digits, float32[3, N, 1, 1] each.

    The digits are lighter than the background in half of the images and darker in the others, often only slightly.
    """
    light_digit, sign = r.uniform() < 0.5, r.uniform() < 0.4
    kind = np.where(sign, 2, (r.uniform() < 0.45).astype(int)) + 3 * ~light_digit
    ground = choose((DARK, MIDDLE, SIGN_DARK, LIGHT, MIDDLE, SIGN_LIGHT), kind, r)
    digit = choose((LIGHT, LIGHT + BRASS, SIGN_LIGHT, DARK, DARK, PAINTS), kind, r)
    way = number(light_digit) * 2.0 - 1.0
    apart = np.maximum((_gray(digit) - _gray(ground)) * way, 0.02)
    wanted = 0.2 + r(0.0, 0.12) + r(0.0, 0.42) * r(0.0, 1.0) + number(sign) * r(0.0, 0.2)
    digit = blend(ground, digit, np.minimum(wanted / apart, 1.0)) + np.maximum(wanted - apart, 0.0) * way
    return ground, np.clip(digit, 0.02, 1.0)


def _gray(color: np.ndarray) -> np.ndarray:
    return (color[0] + color[1] + color[1] + color[2]) * 0.25


def lighting(s: Sketch, r: Dice) -> np.ndarray:
    """Returns light that decreases toward one side and sometimes ends at a shadow, float32[N, H, W]."""
    light = 1.0 + s.x * r(-0.12, 0.12) + s.y * r(-0.12, 0.12)
    edge = s.x * r(-1.0, 1.0) + s.y * r(-1.0, 1.0) + r(-0.8, 0.8)
    return light * (1.0 - np.clip(edge * r(2.0, 8.0) + 0.5, 0.0, 1.0) * (r.coin(0.2) * r(0.15, 0.4)))


def mount(s: Sketch, r: Dice, numbers: Numbers, color: np.ndarray) -> None:
    """Paints the digits, sometimes with an outline, or raised, with a shadow and bright edges."""
    distance = numbers.distance(s.x, s.y)
    raised, dx, dy, dark = r.coin(0.35), r(-0.16, 0.16), r(0.03, 0.16), r(0.2, 0.6)
    shadow, rows = np.full_like(distance, 9.0), np.flatnonzero(raised)  # a large distance
    shadow[rows] = numbers.of(rows).distance(s.x[rows] - dx[rows], s.y[rows] - dy[rows])
    s.fill(shadow, BLACK, dark * raised, soft=0.08)
    s.fill(distance - r(0.03, 0.1), r.color(LIGHT + DARK), r.coin(0.08) * r(0.4, 1.0), soft=0.02)
    s.fill(distance, color, soft=0.02)
    s.fill(np.maximum(distance, -shadow), WHITE, raised * r.coin(0.4) * r(0.1, 0.5))
