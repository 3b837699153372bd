"""Birds and frogs, each in several poses. Needs only NumPy.

Each function paints a stack of animals that face right, stand on y = 0.95 and span about -1 to 1.
"""

import numpy as np

from cifarlab.data.sources._drawing.anatomy import DARK, WHITE, eye, shadow
from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, melt, union

FEATHERS = ["#4a78c4", "#d8483c", "#f2c33d", "#8a5f3f", "#f4f1ea", "#2f3238", "#4fa08a", "#e88f5a", "#a07cc0"]
SKINS = ["#5fa544", "#8fc24a", "#3f7f4a", "#a58a45", "#d9c23a", "#c9573a", "#4a86b8", "#77885a", "#6b5a45"]
BEAKS = ["#f2a03a", "#e8c24a", "#3a3a3f", "#d9663a"]


def bird_perched(s: Sketch, r: Dice) -> None:
    """A songbird on a branch."""
    coat_, beak = r.color(FEATHERS), r.color(BEAKS)
    breast = blend(r.color(FEATHERS), 1.0, 0.3)
    s.fill(s.limb(-1.2, 0.85 + r(-0.1, 0.1), 1.2, 0.82, 0.07), "#7a5a3f", r.coin(0.7), rim=0.15)
    s.fill(union(s.limb(-0.02, 0.5, 0.0, 0.8, 0.035), s.limb(0.18, 0.5, 0.2, 0.8, 0.035)), beak * 0.8)
    s.fill(s.polygon((-0.35, 0.15), (-0.95, r(0.3, 0.6)), (-0.88, 0.7), (-0.25, 0.45)), coat_ * 0.7)
    body = melt(s.ellipse(0.0, 0.2, r(0.45, 0.52), 0.37, -0.5), s.disc(0.34, -0.3, 0.28), 0.2)
    s.fill(body, coat_, rim=0.2)
    s.fill(np.maximum(s.ellipse(0.26, 0.3, 0.3, 0.42, 0.3), body + 0.02), breast, 0.95, soft=0.04)
    s.fill(s.polygon((0.54, -0.42), (r(0.75, 0.98), -0.26), (0.54, -0.16)), beak)
    s.fill(s.ellipse(-0.14, 0.2, 0.38, 0.2, r(0.1, 0.5).ravel()), coat_ * 0.7, rim=0.15)
    eye(s, 0.42, -0.36, 0.075)


def bird_flying(s: Sketch, r: Dice) -> None:
    """A bird in flight, wings raised or lowered."""
    coat_, beak = r.color(FEATHERS), r.color(BEAKS)
    lift, sweep = r(0.7, 1.0) * (1 - 2 * r.coin(0.7)), r(0.0, 0.35)
    s.fill(s.polygon((0.32, 0.0), (0.0, 0.02), (0.02 - sweep, lift * 0.6), (0.15 - sweep, lift)), coat_ * 0.6)
    s.fill(s.polygon((-0.4, -0.05), (-0.95, -0.2), (-1.0, 0.22), (-0.4, 0.15)), coat_ * 0.75)
    body = melt(s.ellipse(0.0, 0.05, 0.52, 0.21), s.disc(0.52, -0.1, 0.19), 0.2)
    s.fill(body, coat_, rim=0.2)
    s.fill(np.maximum(0.08 - s.y, body), blend(coat_, 1.0, 0.6), 0.8)
    s.fill(s.polygon((0.66, -0.18), (0.98, -0.05), (0.66, 0.02)), beak)
    wing = s.polygon((0.26, 0.02), (-0.32, 0.06), (-0.55 - sweep, lift * 0.55), (-0.5 - sweep, lift * 0.9))
    s.fill(wing, coat_ * 0.85, rim=0.12)
    s.fill(np.maximum(wing, s.disc(-0.6 - sweep, lift * 0.85, 0.28)), DARK, 0.5)
    eye(s, 0.56, -0.14, 0.06)


def bird_wading(s: Sketch, r: Dice) -> None:
    """A heron or a crane: long legs, long neck."""
    coat_, beak = r.color(FEATHERS), r.color(BEAKS)
    shadow(s, 0.5)
    s.fill(
        union(
            s.limb(-0.1, 0.3, -0.12, 0.93, 0.035),
            s.limb(0.08, 0.3, 0.14, 0.93, 0.035),
            s.limb(0.14, 0.93, 0.26, 0.93, 0.03),
        ),
        beak * 0.85,
    )
    s.fill(s.polygon((-0.4, 0.0), (-0.85, 0.35), (-0.3, 0.32)), coat_ * 0.7)
    lean = r(0.2, 0.5)
    body = melt(
        s.ellipse(-0.1, 0.15, 0.45, 0.25, 0.2),
        s.strand([(0.25, 0.1), (lean, -0.25), (lean - 0.08, -0.6)], 0.12, 0.08),
        0.15,
    )
    s.fill(union(body, s.disc(lean, -0.68, 0.15)), coat_, rim=0.2)
    s.fill(s.polygon((lean + 0.1, -0.78), (lean + r(0.4, 0.6), -0.62), (lean + 0.1, -0.58)), beak)
    s.fill(s.ellipse(-0.2, 0.14, 0.35, 0.16, 0.3), coat_ * 0.72, rim=0.15)
    eye(s, lean + 0.04, -0.71, 0.055)


def bird_swimming(s: Sketch, r: Dice) -> None:
    """A duck on its reflection."""
    coat_, beak = r.color(FEATHERS), r.color(BEAKS)
    cap, rise = r.color(FEATHERS), r(-0.45, -0.2)
    s.fill(s.ellipse(0.0, 0.72, 0.95, 0.17), "#dcecf2", 0.45, soft=0.1)
    s.fill(s.polygon((-0.5, 0.3), (-0.98, r(0.0, 0.25)), (-0.6, 0.6)), coat_ * 0.75)
    body = melt(s.ellipse(-0.05, 0.42, 0.7, 0.32), s.limb(0.4, 0.3, 0.5, rise, 0.2, 0.18), 0.2)
    s.fill(np.maximum(body, s.y - 0.72), coat_, rim=0.2)
    s.fill(s.disc(0.52, rise, 0.25), blend(coat_, cap, r.coin(0.6)), rim=0.18)
    s.fill(s.limb(0.72, rise + 0.06, 0.95, rise + 0.1, 0.08, 0.06), beak)
    s.fill(s.ellipse(-0.18, 0.38, 0.42, 0.18, -0.2), coat_ * 0.7, rim=0.15)
    eye(s, 0.58, rise - 0.06, 0.065)


def frog_facing(s: Sketch, r: Dice) -> None:
    """A frog squatting and smiling at the camera."""
    skin = r.color(SKINS)
    belly = blend(skin, r.color(["#f4efc0", "#ffffff", "#f2c9a0"]), 0.65)
    shadow(s, 0.9)
    half, wide = s.folded(), r(0.6, 0.72)
    half.fill(half.ellipse(wide, 0.55, 0.3, 0.38, r(0.2, 0.5).ravel()), skin * 0.85, rim=0.2)
    half.fill(union(half.limb(0.6, 0.9, 0.95, 0.9, 0.07), half.limb(0.6, 0.88, 0.85, 0.97, 0.06)), skin * 0.8)
    half.fill(half.disc(0.38, -0.28, r(0.25, 0.3)), skin, rim=0.2)
    body = melt(half.ellipse(0.0, 0.1, r(0.62, 0.7), 0.42), half.ellipse(0.0, 0.5, 0.55, 0.42), 0.2)
    half.fill(body, skin, rim=0.22)
    half.fill(np.maximum(half.ellipse(0.0, 0.62, 0.4, 0.36), body), belly, 0.95, soft=0.05)
    spots = union(*(s.ellipse(r(-0.6, 0.6), r(-0.15, 0.4), r(0.06, 0.13), 0.07) for _ in range(3)))
    s.fill(np.maximum(spots, body + 0.04), skin * 0.6, r.coin(0.5) * 0.9)
    half.fill(half.strand([(0.0, 0.26), (0.3, 0.22), (0.52, 0.08)], 0.035, 0.03), DARK, 0.85)
    half.fill(half.limb(0.26, 0.6, 0.3, 0.9, 0.09, 0.1), skin * 0.92, rim=0.15)
    half.fill(half.disc(0.38, -0.32, 0.18), r.color(["#f6e9a0", "#ffffff", "#f2a94a"]))
    half.fill(half.ellipse(0.38, -0.32, r(0.08, 0.13), 0.11), DARK)
    half.fill(half.disc(0.43, -0.38, 0.05), WHITE)


def frog_leaping(s: Sketch, r: Dice) -> None:
    """A frog in mid-leap, with stretched legs."""
    skin = r.color(SKINS)
    belly = blend(skin, r.color(["#f4efc0", "#ffffff", "#f2c9a0"]), 0.65)
    shadow(s, 0.5)
    reach, trail = r(-0.1, 0.3), r(0.35, 0.65)
    for tone, shift in ((0.68, 0.1), (1.0, 0.0)):
        hind = [(-0.35, 0.2), (-0.55 - shift, trail - 0.25), (-0.65, trail), (-0.95, trail + 0.08 - shift)]
        s.fill(s.strand(hind, 0.17, 0.06), skin * tone, rim=0.18)
        s.fill(
            s.strand([(0.25, 0.15), (0.5 + shift, reach + 0.15), (0.78, reach + 0.2 - shift)], 0.1, 0.05),
            skin * tone,
            rim=0.15,
        )
        if not shift:
            continue
        body = melt(s.ellipse(-0.1, 0.05, 0.5, 0.28, -0.35), s.ellipse(0.4, -0.2, 0.34, 0.25, -0.2), 0.25)
        s.fill(union(body, s.disc(0.38, -0.42, 0.18)), skin, rim=0.22)
        s.fill(np.maximum(s.ellipse(0.25, 0.15, 0.55, 0.22, -0.4), body + 0.02), belly, 0.9, soft=0.05)
    s.fill(s.strand([(0.4, -0.1), (0.58, -0.12), (0.7, -0.2)], 0.03, 0.025), DARK, 0.8)
    s.fill(s.disc(0.42, -0.44, 0.14), r.color(["#f6e9a0", "#ffffff", "#f2a94a"]))
    eye(s, 0.45, -0.44, 0.1)


def frog_sideways(s: Sketch, r: Dice) -> None:
    """A frog sitting in profile, ready to leap."""
    skin = r.color(SKINS)
    belly = blend(skin, r.color(["#f4efc0", "#ffffff", "#f2c9a0"]), 0.65)
    shadow(s, 0.85)
    s.fill(s.limb(0.35, 0.4, 0.42, 0.88, 0.09, 0.07), skin * 0.7)
    body = melt(s.ellipse(-0.12, 0.32, 0.62, 0.36, r(-0.6, -0.3).ravel()), s.ellipse(0.45, 0.02, 0.4, 0.28), 0.25)
    s.fill(union(body, s.disc(0.42, -0.24, 0.2)), skin, rim=0.22)
    s.fill(np.maximum(s.ellipse(0.35, 0.45, 0.5, 0.3, -0.4), body + 0.02), belly, 0.9, soft=0.05)
    spots = union(*(s.ellipse(r(-0.5, 0.3), r(-0.05, 0.4), r(0.06, 0.12), 0.07) for _ in range(3)))
    s.fill(np.maximum(spots, body + 0.04), skin * 0.6, r.coin(0.5) * 0.9)
    s.fill(s.ellipse(-0.38, 0.55, 0.4, 0.24, r(-0.5, -0.2).ravel()), skin * 0.92, rim=0.22)
    s.fill(s.strand([(-0.65, 0.75), (-0.4, 0.9), (0.05, 0.92)], 0.1, 0.06), skin * 0.85, rim=0.15)
    s.fill(s.strand([(0.28, 0.4), (0.2, 0.65), (0.3, 0.9), (0.48, 0.92)], 0.1, 0.05), skin * 0.92, rim=0.15)
    s.fill(s.strand([(0.4, 0.16), (0.65, 0.14), (0.8, 0.04)], 0.03, 0.025), DARK, 0.8)
    s.fill(s.disc(0.46, -0.26, 0.15), r.color(["#f6e9a0", "#ffffff", "#f2a94a"]))
    eye(s, 0.49, -0.26, 0.1)


BIRDS = [bird_perched, bird_flying, bird_wading, bird_swimming]
FROGS = [frog_facing, frog_sideways, frog_leaping]
