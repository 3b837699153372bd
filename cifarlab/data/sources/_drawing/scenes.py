"""The backgrounds of the drawn images. Needs only NumPy.

Each function paints one kind of background on a stack of canvases; `Dice` makes each of them different. An image spans
-1 to 1 in x and y; y increases downward.
"""

import numpy as np

from cifarlab.data.sources._drawing.shapes import Dice, Painter, Sketch, blend, number, union

SKIES = ["#7ec0ee", "#4a90d9", "#a9d6f5", "#f6c48e", "#c9ccd6", "#8fa3bf", "#f2a7a0", "#6c7fb8", "#cfe8f7"]
HORIZONS = ["#e8f4fb", "#fde9c9", "#f9d5c5", "#dfe6ea", "#ffe0a8", "#c8dcf0"]
SEAS = ["#2f7fae", "#3aa0a8", "#24577a", "#5fb3c8", "#6d8796", "#3f6fa8", "#79b8a5"]
GREENS = ["#7fb24f", "#5f9a45", "#a3bd58", "#c2b765", "#4d8050", "#8fae7a", "#d0bf7d"]
LEAVES = ["#3f7d3a", "#2f5f3a", "#6a9a3f", "#b88a35", "#8a5a35", "#557f5a", "#c46f3a"]
EARTH = ["#a58a66", "#8b7355", "#c8ad7f", "#7a6a5c", "#b9a089", "#d9c49a"]
STONE = ["#8d9096", "#a6a39c", "#6f7278", "#bdb6a8", "#7f868f"]
WALLS = ["#e6d3b3", "#c9dbe2", "#d9b8b0", "#b7c7a9", "#e9e2d0", "#9fb0c0", "#c7a6c0", "#efcf86", "#8a8fa8"]
BRICKS = ["#b5654a", "#c98f6b", "#8f9aa6", "#d6c3a1", "#7d6b7a", "#a8b0a0", "#5f6d80"]
WOOD = ["#8a5f3c", "#a97c50", "#6b4a33", "#c19a6b"]
SUNS = ["#fff3b0", "#ffe08a", "#fffbe6", "#ffb27a"]
BLOSSOM = ["#f4e04d", "#f2f2f2", "#e86a8a", "#d66ad0", "#f08a3c", "#8a7ae8"]
WHITE = "#ffffff"


def wash(s: Sketch, top: np.ndarray, bottom: np.ndarray, y0, y1) -> None:
    """Paints everything below y0 with a color gradient from `top` at y0 to `bottom` at y1."""
    t = np.clip((s.y - number(y0)) * (1.0 / (number(y1) - number(y0))), 0.0, 1.0)
    for plane, a, b in zip(s.canvas, top, bottom, strict=True):
        np.copyto(plane, blend(a, b, t), where=s.y >= number(y0))


def cloud(s: Sketch, r: Dice, opacity) -> None:
    """A flat-bottomed cloud of three puffs."""
    c = s.at(r(-1, 1), r(-0.95, -0.1), r(0.18, 0.42))
    puffs = union(
        c.ellipse(0.0, -0.1, r(0.5, 0.8), r(0.4, 0.6)),
        c.ellipse(-0.6, 0.05, r(0.4, 0.6), 0.32),
        c.ellipse(0.65, 0.08, r(0.4, 0.7), 0.28),
    )
    c.fill(np.maximum(puffs, c.y - 0.25), r.color(["#ffffff", "#fdf1e6", "#e6ebf2"], 0.03), opacity, soft=0.25)


def sky(s: Sketch, r: Dice, down_to=1.0) -> None:
    """Sky with a sun and clouds."""
    wash(s, r.color(SKIES), r.color(HORIZONS), -1.0, down_to)
    s.fill(s.disc(r(-1, 1), r(-1, -0.2), r(0.1, 0.2)), r.color(SUNS), r.coin(0.35) * 0.9, soft=0.1)
    for chance in (0.8, 0.6, 0.4):
        cloud(s, r, r.coin(chance) * r(0.5, 0.95))


def tree(s: Sketch, r: Dice, x, foot, size, opacity) -> None:
    """A tree, round or pointed."""
    t = s.at(x, foot, size)
    leaves, pointed = r.color(LEAVES), r.coin(0.4)
    t.fill(t.box(0.0, -0.3, 0.09, 0.35), r.color(WOOD), opacity)
    round_top = union(t.disc(0.0, -1.0, 0.45), t.ellipse(-0.28, -0.75, 0.34, 0.28), t.ellipse(0.3, -0.72, 0.33, 0.26))
    t.fill(round_top, leaves, opacity * (1 - pointed), rim=0.2)
    t.fill(t.polygon((0.0, -1.7), (0.5, -0.35), (-0.5, -0.35)), leaves, opacity * pointed, rim=0.2)


def tufts(s: Sketch, r: Dice, count: int, low: float, colors: list[str]) -> None:
    """Grass, stones or flowers scattered on the ground below `low`."""
    for _ in range(count):
        spot = s.at(r(-1, 1), r(low, 1), r(0.05, 0.12), r(-1.0, 1.0).ravel())
        spot.fill(spot.ellipse(0.0, 0.0, 1.0, r(0.4, 0.9)), r.color(colors), 0.8, soft=0.2)


def open_sky(s: Sketch, r: Dice) -> None:
    """Only sky, sometimes with hills far below."""
    sky(s, r, 0.9)
    hills = union(
        s.ellipse(r(-1, 0), 1.15, r(0.6, 1.2), r(0.2, 0.5)),
        s.ellipse(r(0, 1), 1.15, r(0.6, 1.2), r(0.2, 0.4)),
    )
    s.fill(hills, r.color(GREENS + STONE), r.coin(0.4) * 0.85, soft=0.05)


def sea(s: Sketch, r: Dice) -> None:
    """Water to the horizon, sometimes with an island or a shore."""
    horizon = r(-0.45, 0.1)
    sky(s, r, 0.3)
    s.fill(s.ellipse(r(-1, 1), horizon, r(0.3, 0.9), r(0.08, 0.35)), r.color(LEAVES + STONE), r.coin(0.4) * 0.8)
    water = r.color(SEAS)
    wash(s, blend(water, 1.0, 0.25), water * 0.8, horizon, 1.0)
    for _ in range(7):
        y = r(0, 1) * r(0.1, 1)
        y = horizon + 0.05 + y * (0.95 - horizon)
        s.fill(s.ellipse(r(-1, 1), y, r(0.15, 0.5), 0.03), blend(water, 1.0, r(0.2, 0.6)), r(0.3, 0.8))


def meadow(s: Sketch, r: Dice) -> None:
    """Grass, hills and trees under the sky."""
    horizon = r(-0.4, 0.15)
    sky(s, r, 0.3)
    far, grass = r.color(GREENS + SEAS), r.color(GREENS)
    s.fill(s.ellipse(r(-1, 0), horizon + 0.15, r(0.5, 1.1), r(0.2, 0.6)), far, rim=0.05)
    s.fill(s.ellipse(r(0, 1), horizon + 0.15, r(0.5, 1.1), r(0.2, 0.5)), far * 0.93, rim=0.05)
    for low, high in ((-1, -0.4), (0.4, 1)):
        tree(s, r, r(low, high), horizon + 0.1, r(0.25, 0.55), r.coin(0.5))
    wash(s, blend(grass, 1.0, 0.12), grass * 0.8, horizon, 1.0)
    tufts(s, r, 6, 0.1, GREENS + LEAVES + BLOSSOM)


def forest(s: Sketch, r: Dice) -> None:
    """Trunks, leaves and the forest floor."""
    wash(s, r.color(LEAVES + GREENS) * 0.75, r.color(GREENS + HORIZONS), -1.0, 0.4)
    floor, wood = r(-0.1, 0.3), r.color(WOOD)
    for _ in range(5):
        x, width = r(-1, 1), r(0.04, 0.13)
        s.fill(s.limb(x, -1.2, x + r(-0.1, 0.1), floor + 0.05, width * 0.7, width), wood * r(0.6, 1.2), rim=0.1)
    ground = r.color(GREENS + EARTH) * 0.9
    wash(s, ground, ground * 0.75, floor, 1.0)
    for _ in range(5):
        s.fill(s.disc(r(-1, 1), r(-1.1, -0.5), r(0.2, 0.4)), r.color(LEAVES), 0.9, rim=0.15)
    tufts(s, r, 5, 0.2, LEAVES + GREENS)


def street(s: Sketch, r: Dice) -> None:
    """Houses with lit or dark windows, a sidewalk and a road."""
    wash(s, r.color(SKIES), r.color(HORIZONS), -1.0, 0.5)
    kerb = r(-0.05, 0.25)
    for middle in (-0.75, 0.05, 0.8):
        x, top, half = middle + r(-0.15, 0.15), r(-1.1, -0.1), r(0.3, 0.48)
        wall, pane = r.color(BRICKS), r.color(["#fbe7a1", "#4d5f78", "#b9d3e0"])
        house = s.box(x, blend(top, kerb, 0.5), half, (kerb - top) * 0.5)
        s.fill(house, wall)
        step = r(0.18, 0.26)
        u, v = (s.x - x) * (1 / step) + 0.5, (s.y - top) * (1 / step)
        u, v = np.abs(u - np.floor(u) - 0.5), np.abs(v - np.floor(v) - 0.5)
        grid = (np.maximum(u, v) - 0.25) * step
        s.fill(np.maximum(grid, house + 0.04), pane, r(0.5, 0.95))
    road = r.color(STONE + EARTH) * 0.8
    wash(s, blend(road, 1.0, 0.35), blend(road, 1.0, 0.3), kerb, 1.0)
    wash(s, road, road * 0.8, kerb + 0.1, 1.0)
    s.fill(s.box(r(-0.6, 0.6), blend(kerb, 1.0, 0.75), 0.22, 0.035), "#f3ead0", r.coin(0.6) * 0.9)


def room(s: Sketch, r: Dice) -> None:
    """A wall with a window or a painting, a floor and a rug."""
    wall, floor = r.color(WALLS), r(0.05, 0.4)
    wash(s, wall, wall * 0.88, -1.0, 0.6)
    stripe = s.x * (1 / r(0.15, 0.4))
    s.fill(np.abs(stripe - np.floor(stripe) - 0.5) - 0.25, r.color(WALLS), r.coin(0.5) * 0.45, soft=0.2)
    frame = s.at(r(-0.8, 0.8), r(-0.8, -0.3), r(0.25, 0.4))
    frame.fill(frame.box(0.0, 0.0, 1.0, 1.1), r.color([*WOOD, WHITE, "#333333"]))
    frame.fill(frame.box(0.0, 0.0, 0.8, 0.9), r.color(SKIES + GREENS + BLOSSOM))
    bars = np.minimum(np.abs(frame.x), np.abs(frame.y)) - 0.07
    frame.fill(np.maximum(bars, frame.box(0.0, 0.0, 0.8, 0.9)), WHITE, r.coin(0.6) * 0.9)
    boards = r.color(WOOD + STONE + WALLS)
    wash(s, boards, boards * 0.75, floor, 1.0)
    s.fill(s.box(0.0, floor, 1.2, 0.04), blend(wall, 1.0, 0.6))
    s.fill(
        s.ellipse(r(-0.3, 0.3), 0.85, r(0.6, 1), r(0.15, 0.3)),
        r.color(BRICKS + BLOSSOM),
        r.coin(0.5) * 0.8,
        rim=0.1,
    )


def shore(s: Sketch, r: Dice) -> None:
    """Still water with a bank, reeds and lily pads."""
    bank = r.color(GREENS + EARTH)
    wash(s, bank, blend(bank, 1.0, 0.25), -1.0, 0.0)
    water, edge = r.color(SEAS + GREENS), r(-0.4, 0.4)
    length, shift = r(0.5, 1.2), r(0, 1)
    s.fill(s.waves(edge, 0.06, length, shift), bank * 0.6, soft=0.05)
    s.fill(s.waves(edge + 0.06, 0.06, length, shift), water, soft=0.05)
    for _ in range(5):
        pad = s.at(r(-1, 1), r(0.2, 1), r(0.1, 0.28))
        pad.fill(pad.ellipse(0.0, 0.0, 1.0, 0.45), r.color(GREENS + LEAVES + SEAS), 0.85, rim=0.1)
    for _ in range(5):
        x, foot = r(-1, 1), r(-0.4, 0.5)
        s.fill(s.limb(x, foot, x + r(-0.15, 0.15), foot - r(0.3, 0.8), 0.03, 0.015), r.color(LEAVES))


def studio(s: Sketch, r: Dice) -> None:
    """A soft backdrop with out-of-focus lights."""
    wash(s, r.color(WALLS + SKIES + STONE + GREENS), r.color(WALLS + EARTH + SEAS + HORIZONS), -1.0, 1.0)
    for _ in range(6):
        s.fill(s.disc(r(-1, 1), r(-1, 1), r(0.08, 0.3)), r.color(SUNS + BLOSSOM + SKIES), r(0.1, 0.4), soft=0.08)


def grasses(s: Sketch, r: Dice) -> None:
    """Blades of grass and a flower in the foreground, at the bottom."""
    x, leaf = r(-0.7, 0.7), r.color(GREENS + LEAVES)
    for _ in range(5):
        foot = x + r(-0.35, 0.35)
        s.fill(s.limb(foot, 1.1, foot + r(-0.2, 0.2), r(0.3, 0.75), 0.05, 0.015), leaf * r(0.7, 1.1))
    flower, shown = s.at(x, r(0.35, 0.7), r(0.09, 0.13)), r.coin(0.7)
    flower.fill(flower.ellipse(0.0, 0.0, 1.2, 1.0), r.color(BLOSSOM), shown, rim=0.1)
    flower.fill(flower.disc(0.0, 0.0, 0.45), "#f6d860", shown)


def twig(s: Sketch, r: Dice) -> None:
    """A twig with leaves that hangs into the image from a corner."""
    t = s.at(r(-1.1, -0.8) * (2 * r.coin(0.5) - 1), r(-1.1, -0.7), r(0.9, 1.3), r(0.2, 2.9).ravel())
    t.fill(t.limb(0.0, 0.0, 0.9, 0.05, 0.05, 0.02), r.color(WOOD))
    leaf = r.color(LEAVES + GREENS + BLOSSOM)
    for along in (0.25, 0.45, 0.65, 0.85):
        t.fill(t.ellipse(along, r(-0.14, 0.14), 0.13, 0.07, r(-1.5, 1.5).ravel()), leaf * r(0.8, 1.15), rim=0.08)


def post(s: Sketch, r: Dice) -> None:
    """A post or a young trunk in front of the figure."""
    x, width, wood = r(-0.85, 0.85), r(0.03, 0.08), r.color(WOOD + STONE)
    s.fill(s.limb(x, r(-1.3, -0.4), x, 1.2, width), wood * 0.8, rim=0.15)


def flakes(s: Sketch, r: Dice) -> None:
    """Snow, seeds or petals in the air."""
    color = r.color([WHITE, WHITE, "#f6d6e0", "#f2e6b8"])
    for _ in range(9):
        s.fill(s.disc(r(-1, 1), r(-1, 1), r(0.03, 0.08)), color, 0.85, soft=0.05)


IN_FRONT: list[Painter] = [grasses, twig, post, flakes]
PLACES: list[Painter] = [open_sky, sea, meadow, forest, street, room, shore, studio]
