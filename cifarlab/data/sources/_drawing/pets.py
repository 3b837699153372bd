"""Cats and dogs, each in several poses. Needs only NumPy.

Each function paints a stack of animals that face right, stand on y = 0.95 and span about -1 to 1.
"""

import numpy as np

from cifarlab.data.sources._drawing.anatomy import DARK, PINK, WHITE, eye, legs, patches, shadow, stripes
from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, melt, union

FUR = ["#2e2a2b", "#8a8580", "#d98b3f", "#7a5236", "#f0e6d6", "#c9a36b", "#5c4a42", "#e9c48f", "#a9b0ba", "#b5612e"]
COLLARS = ["#4a78c4", "#d8483c", "#f2c33d", "#4fa08a", "#a07cc0"]
IRISES = ["#d7c84a", "#7fb85a", "#6aa9d0", "#c98a3a"]


def cat_head(s: Sketch, r: Dice, fur, mask) -> None:
    """A cat's face with radius 1: pointed ears, slit pupils, whiskers."""
    half = s.folded()
    half.fill(half.polygon((0.2, -0.6), (0.72, -1.45), (0.98, -0.15)), fur * 0.92, rim=0.1)
    half.fill(half.polygon((0.42, -0.65), (0.7, -1.2), (0.85, -0.4)), PINK, 0.9)
    face = s.ellipse(0.0, 0.0, 1.0, r(0.8, 0.92))
    s.fill(face, fur, rim=0.22)
    bands = np.maximum(np.abs(np.abs(half.x - 0.15) - 0.13) - 0.05, half.box(0.0, -0.6, 0.5, 0.25))
    s.fill(bands, fur * 0.55, r.coin(0.45) * 0.8)
    half.fill(half.ellipse(0.2, 0.4, 0.32, 0.26), mask, 0.9)
    half.fill(half.ellipse(0.42, -0.08, 0.24, 0.22), r.color(IRISES))
    half.fill(half.ellipse(0.42, -0.08, r(0.06, 0.16), 0.2), DARK)
    half.fill(half.disc(0.47, -0.16, 0.07), WHITE)
    s.fill(s.polygon((-0.14, 0.2), (0.14, 0.2), (0.0, 0.38)), "#d9706f")
    half.fill(
        union(half.limb(0.35, 0.35, 1.25, 0.2, 0.025), half.limb(0.35, 0.45, 1.2, 0.52, 0.025)),
        blend(mask, 1.0, 0.5),
        0.9,
    )


def cat_sitting(s: Sketch, r: Dice) -> None:
    """A cat sitting upright, its tail around it."""
    fur = r.color(FUR)
    mask = blend(fur, r.color(FUR), r.coin(0.5) * 0.8) * 0.5 + 0.5
    shadow(s, 0.75)
    curl = r(0.0, 0.7)
    s.fill(
        s.strand([(0.3, 0.82), (0.72, 0.8), (0.9, 0.75 - curl * 0.5), (0.82, 0.6 - curl)], 0.11, 0.08),
        fur * 0.85,
        rim=0.15,
    )
    body = melt(s.ellipse(0.0, 0.62, r(0.42, 0.52), 0.36), s.ellipse(0.0, 0.25, 0.32, 0.5))
    s.fill(body, fur, rim=0.22)
    stripes(s, r, body + 0.03, fur * 0.6, 0.4)
    patches(s, r, body + 0.03, fur * 0.6, 0.2)
    s.fill(s.ellipse(0.0, 0.4, 0.19, 0.3), mask, 0.85, soft=0.08)
    half = s.folded()
    half.fill(half.limb(0.15, 0.45, 0.15, 0.86, 0.09, 0.12), blend(fur, mask, 0.3), rim=0.18)
    cat_head(s.at(r(-0.12, 0.12), -0.35, r(0.4, 0.5), r(-0.2, 0.2).ravel()), r, fur, mask)


def cat_walking(s: Sketch, r: Dice) -> None:
    """A cat walking, tail up, facing the camera."""
    fur = r.color(FUR)
    mask = fur * 0.5 + 0.5
    shadow(s, 0.8)
    lift = r(-0.3, 0.3)
    s.fill(
        s.strand([(-0.5, 0.15), (-0.8, -0.05), (-0.85, -0.4 - lift), (-0.65, -0.6 - lift)], 0.09, 0.07),
        fur * 0.9,
        rim=0.15,
    )
    legs(s, r, fur, (-0.42, 0.38), 0.3, 0.08, blend(fur, mask, r.coin(0.5)))
    body = melt(s.ellipse(-0.3, 0.22, 0.34, 0.27), s.ellipse(0.22, 0.2, 0.4, 0.24), 0.3)
    s.fill(body, fur, rim=0.22)
    stripes(s, r, body + 0.03, fur * 0.6, 0.4)
    patches(s, r, body + 0.03, fur * 0.6, 0.2)
    cat_head(s.at(0.6, -0.15 + r(-0.1, 0.1), r(0.34, 0.42), r(-0.3, 0.2).ravel()), r, fur, mask)


def cat_portrait(s: Sketch, r: Dice) -> None:
    """A close-up of a cat's face."""
    fur = r.color(FUR)
    mask = fur * 0.4 + 0.6
    s.fill(s.limb(0.0, 1.2, 0.0, 3.0, r(0.62, 0.8), 1.2), fur * 0.9, rim=0.2)
    s.fill(s.ellipse(0.0, 1.15, 0.3, 0.4), mask, 0.8, soft=0.1)
    cat_head(s.at(0.0, 0.1, r(0.66, 0.76), r(-0.2, 0.2).ravel()), r, fur, mask)


def dog_head(s: Sketch, r: Dice, fur, mask) -> None:
    """A dog's face with radius 1: hanging ears, a big muzzle, sometimes a tongue."""
    half, ears = s.folded(), fur * r(0.55, 0.85)
    face = s.ellipse(0.0, 0.0, r(0.78, 0.9), 0.92)
    s.fill(face, fur, rim=0.22)
    s.fill(np.maximum(s.ellipse(0.45, -0.2, 0.4, 0.5), face), ears, r.coin(0.4) * 0.9)
    s.fill(np.maximum(s.box(0.0, -0.5, 0.13, 0.6), face), mask, r.coin(0.5) * 0.9, soft=0.1)
    half.fill(half.limb(0.62, -0.6, r(0.92, 1.1), r(0.1, 0.5), 0.2, 0.3), ears, rim=0.2)
    s.fill(s.ellipse(0.0, 0.72, 0.17, 0.36), "#e0606f", r.coin(0.5))
    s.fill(s.ellipse(0.0, 0.42, 0.5, 0.4), mask, rim=0.15)
    s.fill(s.ellipse(0.0, 0.22, 0.22, 0.16), DARK)
    s.fill(s.disc(0.06, 0.15, 0.06), WHITE, 0.7)
    s.fill(union(s.limb(0.0, 0.3, 0.0, 0.55, 0.03), half.limb(0.0, 0.56, 0.25, 0.6, 0.035)), DARK, 0.8)
    half.fill(half.disc(0.36, -0.2, 0.16), DARK)
    half.fill(half.disc(0.4, -0.26, 0.06), WHITE)


def dog_sitting(s: Sketch, r: Dice) -> None:
    """A dog sitting upright and wagging its tail."""
    fur = r.color(FUR)
    mask = blend(fur, r.color(FUR), r.coin(0.5) * 0.8) * 0.5 + 0.5
    shadow(s, 0.75)
    wag = r(0, 0.4)
    s.fill(s.strand([(0.3, 0.8), (0.65, 0.7), (0.88, 0.45 - wag)], 0.1, 0.06), fur * 0.85, rim=0.15)
    body = melt(s.ellipse(0.0, 0.62, r(0.42, 0.52), 0.36), s.ellipse(0.0, 0.2, 0.35, 0.5))
    s.fill(body, fur, rim=0.22)
    patches(s, r, body + 0.03, fur * 0.6, 0.35)
    s.fill(s.ellipse(0.0, 0.35, 0.22, 0.3), mask, 0.85, soft=0.08)
    half = s.folded()
    half.fill(half.limb(0.17, 0.4, 0.18, 0.86, 0.1, 0.13), blend(fur, mask, 0.3), rim=0.18)
    s.fill(s.limb(-0.25, 0.08, 0.25, 0.08, 0.06), r.color(COLLARS), r.coin(0.5))
    dog_head(s.at(r(-0.1, 0.1), -0.38, r(0.42, 0.52), r(-0.25, 0.25).ravel()), r, fur, mask)


def dog_standing(s: Sketch, r: Dice) -> None:
    """A dog standing in profile, its muzzle to the right."""
    fur = r.color(FUR)
    mask, ear = fur * 0.5 + 0.5, fur * r(0.5, 0.8)
    shadow(s, 0.8)
    wag = r(-0.1, 0.45)
    s.fill(
        s.strand([(-0.5, 0.1), (-0.78, 0.0 - wag * 0.5), (-0.92, -0.1 - wag)], 0.09, 0.05),
        fur * 0.9,
        rim=0.15,
    )
    legs(s, r, fur, (-0.42, 0.32), 0.3, 0.085, blend(fur, mask, r.coin(0.5)))
    body = melt(s.ellipse(-0.2, 0.18, 0.42, 0.23), s.ellipse(0.22, 0.15, 0.32, 0.28), 0.3)
    head = s.at(0.5 + r(-0.05, 0.05), -0.32 + r(-0.1, 0.15), r(0.9, 1.15), r(-0.2, 0.35).ravel())
    s.fill(melt(body, s.limb(0.32, 0.05, 0.48, -0.25, 0.2, 0.17), 0.2), fur, rim=0.22)
    patches(s, r, body + 0.03, ear, 0.4)
    head.fill(
        melt(head.disc(0.0, 0.0, 0.26), head.limb(0.1, 0.06, r(0.36, 0.48), 0.1, 0.15, 0.1), 0.15),
        fur,
        rim=0.18,
    )
    head.fill(head.limb(0.28, 0.13, 0.4, 0.13, 0.07), mask, 0.9)
    head.fill(head.disc(0.46, 0.03, 0.075), DARK)
    head.fill(head.limb(0.3, 0.22, 0.33, 0.34, 0.05), "#e0606f", r.coin(0.4))
    head.fill(head.limb(-0.1, -0.12, -0.16, r(0.15, 0.32), 0.1, 0.12), ear, rim=0.15)
    eye(head, 0.1, -0.06, 0.06)


def dog_portrait(s: Sketch, r: Dice) -> None:
    """A close-up of a dog's face."""
    fur = r.color(FUR)
    mask = blend(fur, r.color(FUR), r.coin(0.4) * 0.7) * 0.45 + 0.55
    s.fill(s.limb(0.0, 1.2, 0.0, 3.0, r(0.6, 0.75), 1.1), fur * 0.9, rim=0.2)
    s.fill(s.limb(-0.4, 0.75, 0.4, 0.75, 0.1), r.color(COLLARS), r.coin(0.5))
    dog_head(s.at(0.0, 0.0, r(0.7, 0.8), r(-0.25, 0.25).ravel()), r, fur, mask)


CATS = [cat_sitting, cat_walking, cat_portrait]
DOGS = [dog_sitting, dog_standing, dog_portrait]
