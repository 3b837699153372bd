"""Automobiles and trucks, each in several views. Needs only NumPy.

Each function paints a stack of vehicles that face right and span about -1 to 1.
"""

import numpy as np

from cifarlab.data.sources._drawing.shapes import Dice, Sketch, blend, union

PAINT = ["#d23b32", "#2f6fb5", "#f0c33c", "#f4f3ee", "#2b2d33", "#8d949c", "#3f9160", "#e8833a", "#7fb8c9", "#8a4f7d"]
GLASS = ["#a9d3e8", "#7fa9c4", "#4d6478", "#cfe8ee"]
DARK, WHITE, STEEL = "#1f2024", "#ffffff", "#b8bec6"


def ground_shadow(s: Sketch, y, half_width) -> None:
    """The shadow on the ground."""
    s.fill(s.ellipse(0.0, y, half_width, 0.12), "#1c1c20", 0.45, soft=0.12)


def wheels(s: Sketch, r: Dice, places, y, radius) -> None:
    """Tires with hubs."""
    hub = r.color([STEEL, "#f2f2f0", "#6f7278"])
    tyres = union(*(s.disc(x, y, radius) for x in places))
    s.fill(tyres, DARK)
    s.fill(tyres + radius * 0.5, hub, rim=0.1)


def car_lights(s: Sketch, front, rear, y) -> None:
    """A headlight and a taillight."""
    s.fill(s.ellipse(front, y, 0.07, 0.09), "#fff2b8")
    s.fill(s.ellipse(rear, y, 0.06, 0.09), "#c9302c")


def automobile_saloon(s: Sketch, r: Dice) -> None:
    """A sedan, station wagon or coupe from the side, depending on the roof."""
    paint, glass = r.color(PAINT), r.color(GLASS)
    roof, back, front = r(-0.42, -0.25), r(-0.75, -0.35), r(0.1, 0.35)
    ground_shadow(s, 0.66, 0.95)
    cabin = s.polygon((back - 0.15, 0.1), (back, roof), (front, roof), (front + 0.32, 0.1))
    s.fill(cabin, paint * 0.9, rim=0.1)
    s.fill(np.maximum(cabin + 0.08, np.abs(s.x + 0.08) * -1.0 + 0.04), glass)
    s.fill(union(s.box(0.0, 0.24, 0.97, 0.2, 0.14), s.box(-0.05, 0.1, 0.75, 0.12, 0.08)), paint, rim=0.2)
    s.fill(s.box(0.0, 0.36, 0.9, 0.04), blend(paint * 0.6, 0.8, r.coin(0.4)), 0.8)
    s.fill(s.limb(-0.16, 0.15, -0.06, 0.15, 0.025), DARK, 0.7)
    car_lights(s, 0.88, -0.9, 0.18)
    wheels(s, r, (-0.55, 0.55), 0.44, r(0.2, 0.25))


def automobile_round(s: Sketch, r: Dice) -> None:
    """A small round car from the side, sometimes with an open roof."""
    paint, glass = r.color(PAINT), r.color(GLASS)
    ground_shadow(s, 0.66, 0.85)
    tall, shift, shut = r(0.55, 0.72), r(-0.15, 0.05), 1 - r.coin(0.25)
    dome = np.maximum(s.ellipse(shift, 0.15, 0.62, tall), s.y - 0.15)
    s.fill(dome, paint, shut, rim=0.12)
    s.fill(np.maximum(dome + 0.1, np.abs(s.x - shift) * -1.0 + 0.05), glass, shut)
    s.fill(union(s.limb(0.2, 0.1, 0.1, -0.2, 0.03), s.ellipse(-0.1, 0.0, 0.1, 0.14)), DARK, (1 - shut) * 0.8)
    s.fill(np.maximum(s.ellipse(0.0, 0.42, 0.9, 0.42), s.y - 0.48), paint, rim=0.2)
    s.fill(s.limb(-0.85, 0.44, 0.85, 0.44, 0.05), STEEL, 0.9)
    car_lights(s, 0.74, -0.78, 0.22)
    wheels(s, r, (-0.5, 0.5), 0.48, r(0.19, 0.23))


def automobile_front(s: Sketch, r: Dice) -> None:
    """A car from the front."""
    paint, glass, half = r.color(PAINT), r.color(GLASS), s.folded()
    roof, wide = r(-0.6, -0.42), r(0.42, 0.52)
    ground_shadow(s, 0.72, 0.85)
    half.fill(half.box(0.56, 0.55, 0.15, 0.22, 0.05), DARK)
    cabin = half.polygon((-0.3, 0.0), (-0.3, roof), (wide, roof), (wide + 0.17, 0.0))
    half.fill(cabin, paint * 0.9, rim=0.1)
    half.fill(cabin + 0.09, glass)
    half.fill(half.ellipse(0.78, -0.1, 0.1, 0.07), paint * 0.7)
    half.fill(half.box(0.0, 0.22, 0.76, 0.3, 0.16), paint, rim=0.2)
    half.fill(half.box(0.0, 0.28, r(0.25, 0.36), 0.09, 0.04), DARK, 0.85)
    half.fill(half.disc(0.53, 0.2, r(0.12, 0.16)), "#fff5cf", rim=0.1)
    half.fill(half.box(0.0, 0.48, 0.76, 0.06, 0.03), blend(paint, 0.75, 0.6))
    half.fill(half.box(0.0, 0.48, 0.18, 0.06), WHITE, 0.85)


def truck_cab(s: Sketch, r: Dice, paint) -> None:
    """Chassis and cab of a truck that faces right."""
    glass, top = r.color(GLASS), r(-0.4, -0.2)
    s.fill(s.box(0.0, 0.4, 0.92, 0.07), "#3a3b40")
    s.fill(s.polygon((0.42, 0.42), (0.42, top), (0.78, top), (0.95, 0.02), (0.97, 0.42)), paint, rim=0.12)
    s.fill(s.polygon((0.53, 0.02), (0.53, top + 0.1), (0.74, top + 0.1), (0.85, 0.02)), glass)
    s.fill(s.ellipse(0.93, 0.24, 0.06, 0.08), "#fff2b8")


def truck_box(s: Sketch, r: Dice) -> None:
    """A cab with a cargo box."""
    paint, cargo = r.color(PAINT), r.color(PAINT)
    ground_shadow(s, 0.68, 0.95)
    truck_cab(s, r, paint)
    top = r(-0.68, -0.45)
    box = s.box(-0.3, blend(top, 0.35, 0.5), 0.67, (0.35 - top) * 0.5, 0.03)
    s.fill(box, cargo, rim=0.12)
    trim = blend(r.color(PAINT), 1.0, r(0, 0.3))
    s.fill(np.maximum(np.abs(s.y - blend(top, 0.35, r(0.3, 0.7))) - 0.07, box + 0.02), trim, r.coin(0.5) * 0.9)
    s.fill(s.ellipse(-0.3, -0.1, 0.22, 0.18), trim, r.coin(0.4) * 0.9)
    wheels(s, r, (-0.68, -0.28, 0.66), 0.48, r(0.18, 0.22))


def truck_open(s: Sketch, r: Dice) -> None:
    """A pickup or a dump truck with its load."""
    paint, tray = r.color(PAINT), r.color(PAINT)
    ground_shadow(s, 0.68, 0.95)
    truck_cab(s, r, paint)
    load = np.maximum(s.ellipse(-0.28, 0.02, r(0.4, 0.55), r(0.15, 0.45)), s.y - 0.1)
    s.fill(load, r.color(["#8a6a48", "#b9a27a", "#5f5a55", "#7fa04a", "#d9c9a0"]), r.coin(0.8), rim=0.1)
    slope = r(0.0, 0.18)
    body = s.polygon((-0.98, -0.05 - slope), (0.36, -0.05 - slope * 0.3), (0.36, 0.38), (-0.82, 0.38))
    s.fill(body, blend(paint, tray, r.coin(0.6)), rim=0.12)
    ribs = (s.x + 0.9) * 4.0
    s.fill(np.maximum((np.abs(ribs - np.floor(ribs) - 0.5) - 0.1) * 0.25, body + 0.05), DARK, 0.35)
    wheels(s, r, (-0.62, 0.64), 0.48, r(0.19, 0.25))


def truck_pickup(s: Sketch, r: Dice) -> None:
    """A pickup: a car's front and an open bed."""
    paint, glass = r.color(PAINT), r.color(GLASS)
    roof, back = r(-0.45, -0.28), r(-0.2, 0.05)
    ground_shadow(s, 0.66, 0.95)
    cabin = s.polygon((back - 0.05, 0.1), (back, roof), (0.35, roof), (0.62, 0.1))
    s.fill(cabin, paint * 0.9, rim=0.1)
    s.fill(np.maximum(cabin + 0.08, np.abs(s.x - 0.2) * -1.0 + 0.04), glass)
    s.fill(
        s.ellipse(-0.55, 0.05, r(0.2, 0.35), r(0.1, 0.3)),
        r.color(["#8a6a48", "#b9a27a", "#7fa04a", "#d9c9a0"]),
        r.coin(0.4),
    )
    s.fill(union(s.box(0.02, 0.26, 0.95, 0.18, 0.1), s.box(-0.5, 0.12, 0.45, 0.12, 0.03)), paint, rim=0.2)
    s.fill(s.box(-0.5, 0.03, 0.45, 0.03), paint * 0.55)
    s.fill(s.box(0.0, 0.38, 0.9, 0.04), blend(paint * 0.6, 0.8, r.coin(0.4)), 0.8)
    car_lights(s, 0.9, -0.9, 0.2)
    wheels(s, r, (-0.55, 0.58), 0.46, r(0.22, 0.27))


def truck_front(s: Sketch, r: Dice) -> None:
    """A truck from the front: tall, with a wide windshield, mirrors and a bumper."""
    paint, half, top = r.color(PAINT), s.folded(), r(-0.78, -0.6)
    ground_shadow(s, 0.85, 0.75)
    half.fill(half.box(0.5, 0.7, 0.14, 0.2, 0.04), DARK)
    half.fill(half.box(0.0, -0.2, 0.66, 0.72, 0.04), r.color(PAINT) * 0.9, r.coin(0.5))
    half.fill(half.box(0.0, blend(top, 0.62, 0.5), 0.58, (0.62 - top) * 0.5, 0.08), paint, rim=0.18)
    half.fill(half.box(0.0, top + 0.36, 0.48, 0.2, 0.04), r.color(GLASS))
    half.fill(half.box(0.72, top + 0.42, 0.07, 0.18, 0.03), DARK)
    bars = (s.y + 2.0) * 8.0
    grille = half.box(0.0, 0.3, 0.3, 0.15)
    half.fill(grille, DARK, 0.85)
    half.fill(np.maximum((np.abs(bars - np.floor(bars) - 0.5) - 0.2) * 0.125, grille), STEEL)
    half.fill(half.disc(0.45, 0.38, 0.1), "#fff5cf")
    half.fill(half.box(0.0, 0.62, 0.62, 0.09, 0.03), r.color([STEEL, "#55585e", WHITE]))


AUTOMOBILES = [automobile_saloon, automobile_round, automobile_front]
TRUCKS = [truck_box, truck_open, truck_pickup, truck_front]
