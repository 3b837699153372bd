"""Deer and horses, each in several poses. Needs only NumPy.

Each function paints a stack of animals that face right, stand on y = 0.95 and span about -1 to 1.
"""

import numpy as np

from cifarlab.data.sources._drawing.anatomy import DARK, PINK, WHITE, eye, legs, patches, shadow
from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, melt, union

HIDE = ["#a9743f", "#8a5a33", "#c49a63", "#6b4630", "#9c7f5f", "#d6b98c", "#7d7168", "#b36b3c", "#e8dcc6", "#3b312d"]


def antlers(s: Sketch, r: Dice, opacity) -> None:
    """A pair of antlers that start at the origin."""
    bone, spread = r.color(["#8a6a48", "#c2a57a", "#6b5138"]), r(0.25, 0.45)
    for side, tone in ((-0.55, 0.75), (1.0, 1.0)):
        tip = spread * side
        beam = [(0.0, 0.0), (tip, -0.2), (tip + 0.05, -0.52)]
        tines = union(
            s.strand(beam, 0.055, 0.035),
            s.limb(tip, -0.2, tip + 0.18, -0.36, 0.035),
            s.limb(tip * 0.6, -0.12, tip * 0.6 - 0.08, -0.34, 0.035),
        )
        s.fill(tines, bone * tone, opacity)


def deer_muzzle(s: Sketch, hide) -> None:
    """A short head in profile, from the cheek at the origin to the nose on the right."""
    s.fill(melt(s.disc(0.02, -0.02, 0.14), s.limb(0.1, 0.02, 0.34, 0.1, 0.1, 0.07), 0.1), hide, rim=0.15)
    s.fill(s.disc(0.38, 0.08, 0.055), DARK)
    eye(s, 0.07, -0.04, 0.05)


def deer_standing(s: Sketch, r: Dice) -> None:
    """A deer standing in profile: slim legs, a raised neck, antlers or a fawn's spots."""
    hide, stag = r.color(HIDE), r.coin(0.75)
    pale = hide * 0.4 + 0.58
    shadow(s, 0.7)
    legs(s, r, hide, (-0.4, 0.3), 0.25, 0.06, hide * 0.4)
    s.fill(s.limb(-0.55, -0.02, -0.66, 0.1, 0.08), pale)
    body = melt(s.ellipse(-0.22, 0.12, 0.36, 0.21), s.ellipse(0.2, 0.1, 0.3, 0.22), 0.3)
    lean, rise = r(0.4, 0.58), r(-0.6, -0.42)
    neck = s.limb(0.3, 0.02, lean, rise, 0.17, 0.1)
    s.fill(melt(body, neck, 0.25), hide, rim=0.22)
    s.fill(np.maximum(s.y * -1.0 + 0.2, body), pale, 0.7, soft=0.05)
    s.fill(
        np.maximum(union(s.dots(-0.45, 0.0, 0.2, 4, 0.045), s.dots(-0.35, 0.12, 0.2, 4, 0.045)), body),
        pale,
        1 - stag,
    )
    head = s.at(lean, rise, r(0.95, 1.1), r(-0.2, 0.4).ravel())
    antlers(head.at(0.0, -0.1), r, stag)
    head.fill(head.ellipse(-0.17, -0.1, 0.16, 0.07, 0.5), hide * 0.85, rim=0.1)
    head.fill(melt(head.disc(0.02, -0.02, 0.14), head.limb(0.1, 0.02, 0.34, 0.1, 0.1, 0.07), 0.1), hide, rim=0.15)
    head.fill(head.disc(0.38, 0.08, 0.055), DARK)
    eye(head, 0.07, -0.04, 0.05)


def deer_grazing(s: Sketch, r: Dice) -> None:
    """A deer grazing or drinking, its neck lowered."""
    hide, stag, drop = r.color(HIDE), r.coin(0.7), r(0.2, 0.5)
    pale = hide * 0.4 + 0.58
    shadow(s, 0.7)
    legs(s, r, hide, (-0.44, 0.26), 0.2, 0.06, hide * 0.4)
    s.fill(s.limb(-0.58, -0.05, -0.68, 0.08, 0.08), pale)
    body = melt(s.ellipse(-0.26, 0.06, 0.36, 0.21), s.ellipse(0.16, 0.08, 0.3, 0.21), 0.3)
    s.fill(melt(body, s.limb(0.28, 0.03, 0.74, drop, 0.15, 0.09), 0.2), hide, rim=0.22)
    s.fill(np.maximum(s.y * -1.0 + 0.16, body), pale, 0.7, soft=0.05)
    head = s.at(0.75, drop, 1.05, r(0.3, 0.9).ravel())
    antlers(head.at(0.0, -0.1, 0.9, -0.2), r, stag)
    deer_muzzle(head, hide)
    for tilt, tone in ((-0.6, 0.7), (0.2, 0.9)):  # pricked ears, which distinguish the lowered head from a tree trunk
        ear = head.at(-0.05, -0.08, 1.0, tilt)
        ear.fill(ear.ellipse(0.0, -0.17, 0.08, 0.19), hide * tone, rim=0.1)
        ear.fill(ear.ellipse(0.0, -0.17, 0.04, 0.12), PINK, 0.6)


def deer_facing(s: Sketch, r: Dice) -> None:
    """A deer's head and neck from the front, with spread ears."""
    hide, stag = r.color(HIDE), r.coin(0.8)
    pale = hide * 0.4 + 0.58
    s.fill(s.limb(0.0, 3.0, 0.0, 0.1, r(1.0, 1.3), 0.22), hide * 0.93, rim=0.2)
    s.fill(s.ellipse(0.0, 0.75, 0.16, 0.3), pale, 0.7, soft=0.1)
    half, tip = s.at(0.0, r(-0.1, 0.05), r(0.95, 1.1), r(-0.15, 0.15).ravel()).folded(), r(0.35, 0.6)
    bone = r.color(["#8a6a48", "#c2a57a", "#6b5138"])
    horns = union(
        half.strand([(0.12, -0.3), (tip, -0.55), (tip, -0.95)], 0.07, 0.04),
        half.limb(tip, -0.55, tip + 0.25, -0.75, 0.045),
        half.limb(tip * 0.6, -0.45, tip * 0.5, -0.75, 0.045),
    )
    half.fill(horns, bone, stag)
    half.fill(half.ellipse(0.48, -0.22, 0.28, 0.12, -0.35), hide * 0.85, rim=0.12)
    half.fill(half.ellipse(0.48, -0.21, 0.17, 0.06, -0.35), PINK, 0.6)
    half.fill(melt(half.ellipse(0.0, -0.12, 0.3, 0.3), half.ellipse(0.0, 0.25, 0.18, 0.26), 0.2), hide, rim=0.18)
    half.fill(half.ellipse(0.0, 0.34, 0.16, 0.15), pale, 0.8)
    half.fill(half.ellipse(0.0, 0.3, 0.11, 0.08), DARK)
    eye(half, 0.2, -0.1, 0.075)


def horse_body(s: Sketch, r: Dice, hide, hair) -> np.ndarray:
    """Legs, tail and trunk. Returns the signed distance of the trunk, to which the neck is attached."""
    shadow(s, 0.8)
    sway = r(-0.12, 0.12)
    legs(s, r, hide, (-0.44, 0.34), 0.25, 0.08, blend(hide, r.color([DARK, WHITE]), 0.8))
    s.fill(s.strand([(-0.58, -0.02), (-0.76, 0.2), (-0.8 + sway, 0.65)], 0.1, 0.06), hair, rim=0.15)
    return melt(s.ellipse(-0.3, 0.08, 0.34, 0.27), s.ellipse(0.18, 0.1, 0.36, 0.26), 0.3)


def horse_head(s: Sketch, r: Dice, hide) -> None:
    """A long head from the ears at the origin to the nose on the right."""
    s.fill(s.polygon((-0.1, -0.05), (0.0, -0.28), (0.08, -0.05)), hide * 0.85)
    s.fill(s.limb(0.02, 0.02, 0.42, 0.24, 0.15, 0.105), hide, rim=0.16)
    s.fill(s.limb(0.14, -0.03, 0.42, 0.14, 0.04), WHITE, r.coin(0.4) * 0.9)
    s.fill(s.disc(0.43, 0.26, 0.09), hide * 0.6, 0.8)
    eye(s, 0.1, 0.0, 0.05)


def horse_standing(s: Sketch, r: Dice) -> None:
    """A horse standing or trotting, head up, with a flowing mane."""
    hide = r.color(HIDE)
    hair = blend(hide * 0.45, r.color(["#f0e2c0", "#241f1f"]), r.coin(0.5))
    body = horse_body(s, r, hide, hair)
    lean, rise = r(0.5, 0.62), r(-0.6, -0.45)
    s.fill(melt(body, s.limb(0.32, 0.0, lean, rise, 0.22, 0.14), 0.25), hide, rim=0.22)
    patches(s, r, body + 0.03, blend(hide, 1.0, 0.7), 0.25)
    horse_head(s.at(lean, rise, r(0.95, 1.1), r(-0.15, 0.45).ravel()), r, hide)
    s.fill(s.strand([(lean, rise - 0.14), (lean - 0.17, rise + 0.05), (0.22, -0.12)], 0.07, 0.1), hair, rim=0.12)


def horse_grazing(s: Sketch, r: Dice) -> None:
    """A horse grazing, its neck lowered."""
    hide = r.color(HIDE)
    hair = blend(hide * 0.45, r.color(["#f0e2c0", "#241f1f"]), r.coin(0.5))
    body = horse_body(s, r, hide, hair)
    drop = r(0.25, 0.5)
    s.fill(melt(body, s.limb(0.34, 0.0, 0.8, drop, 0.2, 0.12), 0.2), hide, rim=0.22)
    patches(s, r, body + 0.03, blend(hide, 1.0, 0.7), 0.25)
    horse_head(s.at(0.82, drop, 0.95, r(0.6, 1.1).ravel()), r, hide)
    s.fill(s.strand([(0.34, -0.18), (0.64, 0.02), (0.88, drop - 0.1)], 0.09, 0.06), hair, rim=0.12)


def horse_portrait(s: Sketch, r: Dice) -> None:
    """A close-up of a horse's head and neck in profile."""
    hide = r.color(HIDE)
    hair = blend(hide * 0.45, r.color(["#f0e2c0", "#241f1f"]), r.coin(0.5))
    s.fill(s.limb(-0.9, 2.6, 0.0, -0.4, 1.3, 0.28), hide * 0.95, rim=0.2)
    horse_head(s.at(0.0, -0.45, 1.9, r(0.0, 0.4).ravel()), r, hide)
    s.fill(s.strand([(0.1, -0.8), (-0.25, -0.6), (-0.5, -0.1), (-0.85, 0.6), (-2.0, 3.0)], 0.12, 0.26), hair, rim=0.15)


DEER = [deer_standing, deer_grazing, deer_facing]
HORSES = [horse_standing, horse_grazing, horse_portrait]
