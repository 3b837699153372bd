"""Fonts for names in any script: matplotlib's default font lacks most scripts, but the system may have others."""

import functools
import unicodedata
from collections.abc import Iterator

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

NOTE = (
    "Boxes stand for characters that no installed font has; install one that does, such as Noto Sans. "
    "The number before a name is that of its class."
)
"""The line below a figure with such characters."""

_SHAPES_TEXT = matplotlib.__version_info__[:2] >= (3, 11)
"""Whether matplotlib joins letters and orders them from right to left, as Arabic, Hebrew and Indic scripts need."""

_INVISIBLE = {"Cc", "Cf", "Zl", "Zp", "Zs"}
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)


def choose_fonts(figure: Figure) -> bool:
    """Adds to each text the installed fonts that have its characters, and returns whether some have no font.

    A text that matplotlib's default font can draw is not changed, so it looks the same on every machine.

    >>> from cifarlab.plotting import figures
    >>> figure, (ax,) = figures.subplots()
    >>> _ = ax.set_title("cat, Katze, кошка")
    >>> choose_fonts(figure), ax.title.get_fontfamily()
    (False, ['sans-serif'])
    """
    texts = {text: _missing(text.get_text()) for text in figure.findobj(Text)}
    families, undrawable = _fallback(frozenset().union(*texts.values()))
    for text, missing in texts.items():
        if missing and families:
            text.set_fontfamily(list(dict.fromkeys([*text.get_fontfamily(), *families])))
    return bool(undrawable)


def undrawable(text: str) -> frozenset[str]:
    """Returns the characters of a text that no installed font has.

    >>> undrawable("кошка"), len(undrawable("\\U000e5678"))
    (frozenset(), 1)
    """
    return _fallback(_missing(text))[1]


def _missing(text: str) -> frozenset[str]:
    """Returns the characters of a text that matplotlib's default font cannot draw."""
    if text.isascii():
        return frozenset()
    default = _default_characters(findfont(FontProperties()))
    return frozenset(c for c in text if not _is_invisible(c) and (ord(c) not in default or _needs_shaping(c)))


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE or ord(character) in _VARIATION_SELECTORS


def _needs_shaping(character: str) -> bool:
    """Returns whether this version of matplotlib draws a character's script illegibly."""
    right_to_left = unicodedata.bidirectional(character) in ("R", "AL")
    return not _SHAPES_TEXT and (right_to_left or 0x900 <= ord(character) < 0xE00)  # Devanagari to Sinhala


@functools.cache
def _default_characters(path: str) -> frozenset[int]:
    return frozenset(FT2Font(path).get_charmap())


@functools.cache
def _fallback(characters: frozenset[str]) -> tuple[tuple[str, ...], frozenset[str]]:
    """Returns the families that have some characters, and those of the characters that none has."""
    left = {character for character in characters if not _needs_shaping(character)}
    families: list[str] = []
    for family, path in _candidates() if left else ():
        try:
            font = FT2Font(path)
            found = {c for c in left if font.get_char_index(ord(c))} if font.scalable else set()
        except (OSError, RuntimeError):  # deleted since matplotlib listed it, or of an unknown kind
            continue
        if found:
            families.append(family)
            left -= found
        if not left:
            break
    return tuple(families), frozenset(left) | {character for character in characters if _needs_shaping(character)}


def _candidates() -> Iterator[tuple[str, str]]:
    """Yields the family and path of a regular font of each family, those with large character sets first."""
    fonts: dict[str, str] = {}
    for font in sorted(fontManager.ttflist, key=lambda font: (not font.name.startswith("Noto"), font.name, font.fname)):
        regular = font.style == "normal" and font.weight in (400, "normal", "regular")
        if regular and not font.name.startswith(("Last Resort", "LastResort")):
            fonts.setdefault(font.name, font.fname)
    yield from fonts.items()
