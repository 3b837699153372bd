"""The digits of the drawn house numbers: an atlas of signed distances from matplotlib's fonts, and their layout.

FreeType renders each digit once, in a large size. The atlas stores the distance of every point from the outline, in
steps coarse enough that versions of FreeType rarely differ. These distances allow any size, weight, outline and shadow.
All operations after the atlas are rounded correctly by IEEE 754, as `_drawing.shapes` explains.
"""

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np

from cifarlab.data.sources._drawing.shapes import Dice, number

FACES = (  # font, form of its 1, relative frequency; signs are mostly bold and sans serif
    ("DejaVuSans", "no foot", 6),
    ("DejaVuSans", "bar", 1),
    ("DejaVuSans-Bold", "no foot", 9),
    ("DejaVuSans-Bold", "as it is", 2),
    ("cmss10", "no foot", 8),
    ("cmss10", "as it is", 2),
    ("cmss10", "bar", 1),
    ("cmtt10", "as it is", 2),
    ("DejaVuSerif", "as it is", 2),
    ("DejaVuSerif-Bold", "as it is", 3),
    ("STIXGeneral", "as it is", 4),
    ("STIXGeneralBol", "as it is", 6),
    ("STIXGeneralBolIta", "as it is", 3),
    ("cmr10", "as it is", 2),
    ("cmb10", "as it is", 4),
)
_HEIGHT = 96  # height of a rendered zero in pixels; half of it in the atlas
_DRAWN = 192  # rows and columns of the rendered image, with room for distances outside the digit
_CELL = _DRAWN // 2  # rows and columns of a cell of the atlas
_STEPS = 4.0  # distance steps per pixel of the atlas: invisible, but coarse enough that versions of FreeType agree
_UNIT = _HEIGHT / 4  # pixels of the atlas per unit; a digit spans -1 to 1 from top to bottom
_COUNTS = (13861, 10585, 8497, 7458, 6882, 5727, 5595, 5045, 4659, 4948)

SHARES = np.array(_COUNTS[-1:] + _COUNTS[:-1]) / sum(_COUNTS)
"""The relative frequency of each digit, 0 to 9, among the 73,257 training digits of SVHN."""

_LENGTHS = (5137, 36260, 26073, 5787)  # how many of those digits belong to numbers of 1, 2, 3, and 4 or more digits


class Atlas(NamedTuple):
    """The digits of all fonts; a digit of a font is `cells[places[face, digit]]`.

    Attributes:
        cells: uint8[C, 96, 96], signed distances from the outline in quarter pixels, plus 128; smaller inside. The
            last cell is empty.
        places: int[F, 10], indices into `cells`.
        halves: float32[F, 10], half the width of a digit, in units of half its height.
        stems: float32[F], half the width of the stem of a 1, in the same unit.
    """

    cells: np.ndarray
    places: np.ndarray
    halves: np.ndarray
    stems: np.ndarray


@functools.cache
def atlas() -> Atlas:
    """Renders every digit of every font, once per process."""
    cells: list[np.ndarray] = []
    known: dict[tuple[str, int, str], int] = {}
    places, halves = np.zeros([len(FACES), 10], int), np.zeros([len(FACES), 10], np.float32)
    stems = np.zeros(len(FACES), np.float32)
    inks = {name: _inks(name) for name, _, _ in FACES}
    for face, (name, one, _) in enumerate(FACES):
        for digit, ink in enumerate(inks[name]):
            key = (name, digit, one if digit == 1 else "as it is")
            shown = _restyle(ink, key[2])
            if key not in known:
                known[key] = len(cells)
                cells.append(_distances(shown))
            places[face, digit] = known[key]
            halves[face, digit] = shown.any(axis=0).sum() / _HEIGHT
        stems[face] = (128 - cells[places[face, 1]].min()) / (_STEPS * _UNIT)
    all_cells = np.stack([*cells, np.full([_CELL, _CELL], 255, np.uint8)])
    return Atlas(*map(_read_only, (all_cells, places, halves, stems)))  # shared by all callers


def _read_only(array: np.ndarray) -> np.ndarray:
    """Returns a read-only copy of an array."""
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def _inks(name: str) -> list[np.ndarray]:
    """Renders the ten digits of a font, bool[192, 192] each, true inside; a zero is centered vertically."""
    import matplotlib
    from PIL import Image, ImageDraw, ImageFont

    path = str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf"))
    basic = ImageFont.Layout.BASIC  # available in every version of Pillow, with the same result
    _, top, _, bottom = ImageFont.truetype(path, 1_000, layout_engine=basic).getbbox("0", anchor="ls")
    font = ImageFont.truetype(path, round(1_000 * _HEIGHT / (bottom - top)), layout_engine=basic)
    inks = []
    for digit in "0123456789":
        image = Image.new("L", (_DRAWN, _DRAWN))
        at = (_DRAWN // 2 - _HEIGHT // 3, (_DRAWN + _HEIGHT) // 2)
        ImageDraw.Draw(image).text(at, digit, fill=255, font=font, anchor="ls")
        inks.append(np.asarray(image) > 127)
    return inks


def _restyle(ink: np.ndarray, how: str) -> np.ndarray:
    """Centers a digit and can give a 1 a form that is common in house numbers but missing in these fonts.

    The forms are "no foot" and "bar"; "as it is" keeps the font's form.
    """
    if how != "as it is":
        rows = np.flatnonzero(ink.any(axis=1))
        stem = rows[0] + len(rows) * 7 // 10  # a row with only the stem
        ink = ink.copy()
        ink[stem if how == "no foot" else rows[0] : rows[-1] + 1] = ink[stem]
    columns = np.flatnonzero(ink.any(axis=0))
    return np.roll(ink, (_DRAWN - 1 - columns[0] - columns[-1]) // 2, axis=1)


def _distances(ink: np.ndarray) -> np.ndarray:
    """Returns a cell of the atlas, uint8[96, 96]."""
    from scipy.ndimage import distance_transform_edt

    signed = distance_transform_edt(~ink) - distance_transform_edt(ink)
    halved = (signed[::2, ::2] + signed[1::2, ::2] + signed[::2, 1::2] + signed[1::2, 1::2]) / 8
    return np.clip(np.floor(halved * _STEPS + 128.5), 0, 254).astype(np.uint8)


def pick(uniform: np.ndarray, weights) -> np.ndarray:
    """Maps uniform random numbers to indices that occur in proportion to the weights, int[...]."""
    edges = np.cumsum(weights)
    return np.searchsorted(edges / edges[-1], uniform, side="right")


class Numbers(NamedTuple):
    """The house numbers of N images. The labeled digit is centered at x = 0, with up to three more on either side.

    Attributes:
        cells: int32[N, 7], offset of each digit's cell in the values of the atlas.
        middles: float32[N, 7], x of the centers of the digits.
        edges: float32[N, 6], x of the centers of the gaps between them.
        ends: float32[N, 2], x of the left and right end of the number.
        widths: float32[N, 1, 1], width of the digits relative to the font.
        tapers: float32[N, 1, 1], how much wider the digits are at the bottom, and narrower at the top.
        waists: float32[N, 1, 1], how far the center of a digit is moved up or down.
        weights: float32[N, 1, 1], width added to a stem on each side.
    """

    cells: np.ndarray
    middles: np.ndarray
    edges: np.ndarray
    ends: np.ndarray
    widths: np.ndarray
    tapers: np.ndarray
    waists: np.ndarray
    weights: np.ndarray

    def of(self, rows: np.ndarray) -> "Numbers":
        """Returns the numbers of the selected images."""
        return Numbers(*(part[rows] for part in self))

    def distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Returns the signed distance of each point from the outline of the nearest digit, float32[N, H, W]."""
        slot = np.zeros(x.shape, np.int32)
        for edge in self.edges.T:
            slot += x > number(edge)
        slot += (np.arange(len(x), dtype=np.int32) * self.cells.shape[1]).reshape(-1, 1, 1)
        u = (x - np.take(self.middles, slot)) / (self.widths + y * self.tapers)
        inside = np.clip(y, -1.0, 1.0)
        v = y + (1.0 - inside * inside) * self.waists
        column, u = _index_and_fraction(u)
        row, v = _index_and_fraction(v)
        place = np.take(self.cells, slot) + row * _CELL + column
        above, below = _interpolate(place, u), _interpolate(place + _CELL, u)
        found = above + (below - above) * v
        return (found - 128.0) * (1 / (_STEPS * _UNIT)) - self.weights


def _interpolate(place: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Interpolates between a value of the atlas and the next one to the right, float32[N, H, W]."""
    values = atlas().cells.ravel()
    left = np.take(values, place).astype(np.float32)
    return left + (np.take(values, place + 1).astype(np.float32) - left) * part


def _index_and_fraction(along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the row or column of a cell at or before each point, int32, and the fraction toward the next."""
    along = np.clip(along * _UNIT + (_CELL - 1) / 2, 0.0, _CELL - 1.01)
    whole = along.astype(np.int32)
    return whole, along - whole.astype(np.float32)


def hang(labels: np.ndarray, r: Dice) -> Numbers:
    """Composes a house number around each labeled digit, in one font, with up to three digits on either side."""
    known, rows = atlas(), np.arange(len(labels))
    faces, length = pick(r.uniform(), [often for _, _, often in FACES]), pick(r.uniform(), _LENGTHS) + 1
    before = np.floor(r.uniform() * length).astype(int)  # number of digits to the left of the labeled one
    digits = np.stack([labels if slot == 3 else pick(r.uniform(), SHARES) for slot in range(7)], axis=1)
    first, last = (3 - before)[:, None], (2 - before + length)[:, None]
    there = (np.arange(7) >= first) & (np.arange(7) <= last)
    cells = np.where(there, known.places[faces[:, None], digits], len(known.cells) - 1)
    widths = r(0.42, 0.7) + r(0.0, 0.3)
    halves = known.halves[faces[:, None], digits] * widths[:, 0]
    gap = (r(-0.01, 0.1) + r(0.0, 0.1) + r(0.0, 0.18) * r.coin(0.3))[:, 0, 0] * 0.5
    middles, edges = np.zeros([len(labels), 7], np.float32), np.zeros([len(labels), 6], np.float32)
    for way in (-1, 1):
        for slot in range(3, 3 + 3 * way, way):
            edge = middles[:, slot] + (halves[:, slot] + gap) * way
            edges[:, min(slot, slot + way)] = edge
            middles[:, slot + way] = edge + (halves[:, slot + way] + gap) * way
    first, last = first[:, 0], last[:, 0]
    ends = np.stack([middles[rows, first] - halves[rows, first], middles[rows, last] + halves[rows, last]], axis=1)
    weights = np.clip(r(0.09, 0.2) + r(0.0, 0.06) - number(known.stems[faces]), -0.03, 0.08)
    cells = (cells * (_CELL * _CELL)).astype(np.int32)
    return Numbers(cells, middles, edges, ends, widths, r(-0.05, 0.09), r(-0.2, 0.2), weights)
