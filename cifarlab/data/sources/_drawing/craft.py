"""Airplanes and ships, each in several views. Needs only NumPy.

Each function paints a stack of craft that face right and span about -1 to 1.
"""

import numpy as np

from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, union
from cifarlab.data.sources._drawing.wheeled import DARK, GLASS, PAINT, WHITE

HULL = ["#f4f3ee", "#e9edf2", "#c9d1da", "#9aa5b1", "#d23b32", "#2f6fb5", "#f0c33c", "#3c4450", "#5fa0a8"]


def airplane_side(s: Sketch, r: Dice) -> None:
    """An airliner from the side."""
    hull, trim = r.color(HULL), r.color(PAINT)
    fin, sweep = r(0.5, 0.7), r(0.2, 0.5)
    s.fill(s.polygon((0.15, -0.05), (-0.1, -0.05), (-0.2 - sweep, -0.5), (-0.05 - sweep, -0.5)), hull * 0.7)
    s.fill(s.polygon((-0.5, -0.08), (-0.78, -fin), (-0.98, -fin), (-0.92, -0.03)), trim, rim=0.05)
    body = s.limb(-0.88, -0.04, 0.72, 0.0, 0.08, 0.19)
    s.fill(body, hull, rim=0.2)
    s.fill(np.maximum(body, 0.06 - s.y), trim, r.coin(0.6) * 0.9)
    s.fill(s.dots(-0.6, -0.05, 0.17, 7, 0.045), "#33485c", 0.9)
    s.fill(s.polygon((0.66, -0.13), (0.82, -0.13), (0.9, -0.03), (0.7, -0.03)), "#2c3a4a")
    s.fill(s.polygon((-0.62, 0.0), (-0.82, 0.0), (-1.02, 0.2), (-0.9, 0.2)), hull * 0.85)
    s.fill(s.limb(-0.05, 0.3, 0.18, 0.3, 0.09), trim * 0.8, rim=0.15)
    s.fill(
        s.polygon((0.25, 0.06), (-0.2, 0.06), (-0.3 - sweep, 0.62), (-0.12 - sweep, 0.62)),
        hull * 0.9,
        rim=0.1,
    )


def airplane_above(s: Sketch, r: Dice) -> None:
    """A jet from above or below, flying upward in a random direction."""
    hull, trim = r.color(HULL), r.color(PAINT)
    half = s.at(0.0, 0.0, 1.0, r(-1.3, 1.3).ravel()).folded()
    sweep, tip = r(0.1, 0.5), r(0.1, 0.2)
    wing = half.polygon((0.0, -0.3), (1.0, sweep), (1.0, sweep + tip), (0.0, 0.25))
    half.fill(half.limb(0.42, sweep * 0.4 - 0.2, 0.42, sweep * 0.4, 0.09), trim * 0.7, rim=0.1)
    half.fill(wing, hull * 0.85, rim=0.12)
    half.fill(np.maximum(wing, 0.78 - half.x), trim, 0.9)
    half.fill(half.polygon((0.0, 0.55), (0.42, 0.82), (0.42, 0.95), (0.0, 0.88)), hull * 0.8, rim=0.08)
    half.fill(half.limb(0.0, -0.82, 0.0, 0.85, 0.15, 0.06), hull, rim=0.2)
    half.fill(half.limb(0.0, 0.6, 0.0, 0.95, 0.03), trim)
    half.fill(half.ellipse(0.0, -0.82, 0.1, 0.07), "#2c3a4a")


def airplane_propeller(s: Sketch, r: Dice) -> None:
    """A small plane with a high wing and wheels."""
    hull, trim = r.color(HULL + PAINT), r.color(PAINT)
    s.fill(union(s.limb(0.3, 0.2, 0.38, 0.52, 0.035), s.limb(0.1, 0.2, 0.05, 0.52, 0.035)), "#55585e")
    s.fill(union(s.disc(0.4, 0.56, 0.11), s.disc(0.05, 0.56, 0.11)), DARK)
    s.fill(s.polygon((-0.6, 0.0), (-0.85, -0.5), (-1.0, -0.5), (-0.95, 0.02)), trim, rim=0.05)
    body = union(s.limb(-0.9, 0.0, 0.2, 0.05, 0.07, 0.22), s.limb(0.2, 0.05, 0.66, 0.08, 0.22, 0.17))
    s.fill(body, hull, rim=0.2)
    s.fill(np.maximum(body, np.abs(s.y - 0.1) - 0.06), trim, 0.9)
    s.fill(s.polygon((0.0, -0.1), (0.08, -0.36), (0.32, -0.36), (0.45, -0.08)), r.color(GLASS))
    s.fill(s.polygon((-0.25, 0.0), (-0.2, -0.1), (0.45, -0.1), (0.3, 0.02)), hull * 0.7, r.coin(0.4))
    s.fill(s.limb(-0.3, -0.4, 0.5, -0.4, 0.09, 0.07), trim, rim=0.15)
    s.fill(s.ellipse(-0.85, 0.0, 0.22, 0.06), hull * 0.8)
    s.fill(s.ellipse(0.88, 0.08, 0.05, 0.48), "#e9eef2", 0.55)
    s.fill(s.disc(0.86, 0.08, 0.07), trim * 0.7)


def hull_afloat(s: Sketch, r: Dice, body, color, y):
    """A hull in the water: hidden below the waves, with reflection and foam. Returns its visible part."""
    waves = s.waves(y, 0.06, r(0.3, 0.5), r(0, 1))
    s.fill(np.maximum(s.ellipse(0.0, y, 0.95, r(0.18, 0.28)), waves), color * 0.55, 0.55, soft=0.12)
    shown = np.maximum(body, -waves)
    s.fill(shown, color, rim=0.12)
    s.fill(np.maximum(np.abs(waves - 0.02) - 0.05, s.box(0.0, y, r(0.8, 1.1), 0.3)), WHITE, r(0.35, 0.8), soft=0.05)
    s.fill(s.ellipse(r(-0.4, 0.4), y + 0.14, r(0.25, 0.5), 0.03), WHITE, 0.4)
    return shown


def ship_liner(s: Sketch, r: Dice) -> None:
    """A steamer with decks, funnels and smoke."""
    hull, trim, deck = r.color(HULL + PAINT), r.color(PAINT), blend(r.color(HULL), 1.0, 0.5)
    for i, chance in enumerate((0.7, 0.6)):
        s.fill(
            s.disc(-0.35 - 0.25 * i, -0.75 - 0.08 * i, r(0.12, 0.2)),
            "#d9d9d9",
            r.coin(chance) * 0.6,
            soft=0.12,
        )
    s.fill(s.limb(0.5, 0.2, 0.5, r(-0.7, -0.4), 0.03), "#6b5a48")
    twin, x = r.coin(0.5), r(-0.3, 0.0)
    for offset, shown in ((0.0, 1.0), (0.3, twin)):
        funnel = s.polygon(
            (x + offset - 0.1, 0.0),
            (x + offset - 0.08, -0.6),
            (x + offset + 0.08, -0.6),
            (x + offset + 0.1, 0.0),
        )
        s.fill(funnel, trim, shown, rim=0.1)
        s.fill(np.maximum(funnel, s.y + 0.48), DARK, shown)
    s.fill(s.box(0.0, -0.08, r(0.35, 0.5), 0.14), deck * 0.93, rim=0.05)
    s.fill(s.box(-0.05, 0.12, r(0.55, 0.7), 0.12), deck, rim=0.05)
    s.fill(s.dots(-0.4, -0.06, 0.18, 5, 0.05), "#3a5068", 0.9)
    body = s.polygon((-0.95, 0.22), (1.0, 0.16), (0.72, 0.75), (-0.8, 0.75))
    body = hull_afloat(s, r, body, hull, 0.66)
    s.fill(np.maximum(body, 0.52 - s.y), trim * 0.8, r.coin(0.6) * 0.9)
    s.fill(s.dots(-0.65, 0.38, 0.26, 6, 0.055), "#22303c", 0.85)


def ship_sail(s: Sketch, r: Dice) -> None:
    """A sailing boat."""
    hull, cloth, jib = r.color(PAINT), r.color(["#fbf7ea", "#f2e3c2", "#e9edf2", "#d9704f"]), r.color(HULL)
    top, mast = r(-1.0, -0.8), r(-0.1, 0.1)
    s.fill(s.limb(mast, 0.4, mast, top, 0.035), "#6b4a33")
    s.fill(s.polygon((mast - 0.07, top + 0.08), (mast - 0.07, 0.22), (r(-0.85, -0.6), 0.22)), cloth, rim=0.1)
    s.fill(s.polygon((mast + 0.08, top + 0.2), (mast + 0.08, 0.24), (r(0.5, 0.8), 0.24)), jib * 0.95, rim=0.1)
    s.fill(s.polygon((mast, top), (mast - 0.25, top + 0.05), (mast, top + 0.12)), r.color(PAINT))
    body = s.polygon((-0.8, 0.32), (0.92, 0.28), (0.6, 0.75), (-0.62, 0.75))
    body = hull_afloat(s, r, body, hull, 0.66)
    s.fill(np.maximum(body, s.y - 0.42), WHITE, 0.8)


def ship_cargo(s: Sketch, r: Dice) -> None:
    """A freighter under rows of containers."""
    hull = r.color(PAINT)
    bridge = s.box(-0.68, -0.1, 0.15, 0.42)
    s.fill(s.box(-0.7, -0.55, 0.07, 0.12), r.color(PAINT))
    s.fill(bridge, blend(r.color(HULL), 1.0, 0.6), rim=0.05)
    s.fill(s.dots(-0.74, -0.35, 0.12, 2, 0.05), "#2f4558")
    for row in range(2):
        for column in range(4):
            shown = r.coin(1.0 - 0.35 * row)
            s.fill(s.box(-0.35 + 0.28 * column, 0.18 - 0.22 * row, 0.13, 0.1), r.color(PAINT), shown, rim=0.04)
    body = s.polygon((-0.95, 0.26), (1.02, 0.14), (0.78, 0.75), (-0.85, 0.75))
    body = hull_afloat(s, r, body, hull, 0.68)
    s.fill(np.maximum(body, 0.54 - s.y), r.color(["#8a2f2a", "#2b2d33", "#f4f3ee"]), 0.9)


AIRPLANES = [airplane_side, airplane_above, airplane_propeller]
SHIPS = [ship_liner, ship_sail, ship_cargo]
