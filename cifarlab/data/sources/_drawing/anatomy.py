"""Parts that the drawn animals share: coats, legs, eyes. Needs only NumPy."""

import numpy as np

from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, union

DARK, WHITE, PINK = "#1d1a1c", "#ffffff", "#e79a97"


def shadow(s: Sketch, half_width) -> None:
    """The shadow on the ground."""
    s.fill(s.ellipse(0.0, 0.95, half_width, 0.12), "#20201f", 0.35, soft=0.12)


def eye(s: Sketch, x, y, radius) -> None:
    """A dark eye with a glint."""
    s.fill(s.disc(x, y, radius), DARK)
    s.fill(s.disc(x + radius * 0.35, y - radius * 0.4, radius * 0.4), WHITE, 0.9)


def legs(s: Sketch, r: Dice, color, hips, top, thick, foot) -> None:
    """Two pairs of legs in the middle of a step, the far pair darker, with feet in the color `foot`."""
    swing, knee = r(-0.16, 0.16), r(0, 0.06)
    for tone, step in ((0.68, -1.0), (1.0, 1.0)):
        for x, lead in zip(hips, (1.0, -1.0), strict=True):
            toe = x + swing * step * lead + 0.1 * (1 - tone)
            bend = blend(x, toe, 0.5) - knee
            s.fill(
                s.strand([(x, top), (bend, blend(top, 0.9, 0.55)), (toe, 0.9)], thick * 1.3, thick * 0.8),
                color * tone,
                rim=0.12,
            )
            s.fill(s.limb(toe, 0.91, toe + 0.04, 0.92, thick), foot * tone)


def stripes(s: Sketch, r: Dice, inside, color, chance: float) -> None:
    """A tabby's stripes inside a shape."""
    phase = s.x * (1 / r(0.16, 0.26)) + s.y * r(-0.8, 0.8)
    bands = (np.abs(phase - np.floor(phase) - 0.5) - 0.22) * 0.2
    s.fill(np.maximum(bands, inside), color, r.coin(chance) * 0.7)


def patches(s: Sketch, r: Dice, inside, color, chance: float) -> None:
    """A piebald's patches inside a shape."""
    spots = union(*(s.ellipse(r(-0.5, 0.5), r(-0.3, 0.7), r(0.12, 0.25), r(0.1, 0.2)) for _ in range(3)))
    s.fill(np.maximum(spots, inside), color, r.coin(chance) * 0.9)
