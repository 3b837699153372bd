"""Names in any script: drawn with a font that has them, or marked with the number of their class.

By default, matplotlib draws boxes and warns (matplotlib/matplotlib #15062).
"""

import io

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from PIL import Image

from cifarlab.plotting import evaluations, figures, fonts

CAT, DOG, UNKNOWN = "\u732b", "\u72ac", "\U000e5678"
BLACK_SQUARE = [(0, 0), (0, 1000), (1000, 1000), (1000, 0)]


def make_font(path, name, characters):
    """Writes a font in which each of the characters is a black square."""
    pen = TTGlyphPen(None)
    pen.moveTo(BLACK_SQUARE[0])
    for point in BLACK_SQUARE[1:]:
        pen.lineTo(point)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    names = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): f"u{ord(character):04X}" for character in characters})
    builder.setupGlyf({name: TTGlyphPen(None).glyph() if name == ".notdef" else pen.glyph() for name in names})
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    builder.setupHorizontalHeader(ascent=1000, descent=0)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2(usWeightClass=400)
    builder.setupPost()
    builder.save(path)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Returns a function that installs a font with the given characters, for one test; at first there are none."""
    default = [font for font in font_manager.fontManager.ttflist if font.name.startswith("DejaVu")]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", default)
    fonts._fallback.cache_clear()

    def add(name, characters):
        make_font(tmp_path / f"{name}.ttf", name, characters)
        font_manager.fontManager.addfont(tmp_path / f"{name}.ttf")
        fonts._fallback.cache_clear()
        return tmp_path / f"{name}.ttf"

    yield add
    fonts._fallback.cache_clear()


def title(name):
    figure, (ax,) = figures.subplots()
    ax.set_axis_off()
    ax.set_title(name)
    return figure


def darkness(figure):
    return int((np.asarray(Image.open(io.BytesIO(figures.png(figure))).convert("L")) < 128).sum())


def test_a_name_is_drawn_with_the_font_that_has_it(install):
    assert fonts.undrawable(CAT) == {CAT}
    install("Squares", [CAT])
    figure = title(CAT)
    assert not fonts.choose_fonts(figure)
    assert figure.axes[0].title.get_fontfamily() == ["sans-serif", "Squares"]
    assert darkness(figure) > 100
    assert fonts.undrawable(CAT + DOG) == {DOG}


def test_several_fonts_share_a_name(install):
    install("Dogs", [DOG])
    install("Noto Cats", [CAT, "\u72d0"])
    figure = title(f"a {DOG}{CAT}")
    figures.png(figure)
    figures.png(figure)
    assert figure.axes[0].title.get_fontfamily() == ["sans-serif", "Noto Cats", "Dogs"]


@pytest.mark.parametrize("name", ["cat", "Käse", "кошка", "γάτα", "1 \u2212 2 · 3 …", "a\u200bb\ufe0f"])
def test_names_that_matplotlib_can_draw_look_the_same_on_every_machine(install, name):
    before = figures.png(title(name))
    install("Everything", set(name) | {CAT})
    figure = title(name)
    assert figures.png(figure) == before
    assert figure.axes[0].title.get_fontfamily() == ["sans-serif"]
    assert figure._supxlabel is None


def test_without_a_font_the_number_and_a_line_explain(install):
    classes = ["cat", CAT, DOG, "ship"]
    matrix = np.eye(4, dtype=int)
    figure, axes = figures.subplots(1, 4)
    evaluations.confusion(axes[0], matrix, classes)
    evaluations.per_class_accuracy(axes[1], matrix, classes)
    images = np.zeros([1, 32, 32, 3], np.uint8)
    evaluations.predictions(axes[2], axes[3], images[0], [(DOG, 0.75), ("cat", 0.25)], classes)
    assert [label.get_text() for label in axes[0].get_yticklabels()] == ["cat", f"1: {CAT}", f"2: {DOG}", "ship"]
    assert [label.get_text() for label in axes[1].get_xticklabels()] == ["cat", f"1: {CAT}", f"2: {DOG}", "ship"]
    assert [label.get_text() for label in axes[3].get_yticklabels()] == [f"2: {DOG}", "cat"]
    figures.png(figure)
    assert figure._supxlabel.get_text() == fonts.NOTE
    assert "\n" not in fonts.NOTE
    figure, (ax,) = figures.subplots()
    evaluations.misclassified(ax, images, np.array([[0.0, 9.0, 0.0, 0.0]]), np.array([3]), classes)
    assert [text.get_text() for text in ax.texts] == [f"1: {CAT}? 100 %", "ship"]


def test_fonts_that_cannot_be_used_are_skipped(install):
    install("Gone", [CAT]).unlink()
    broken = install("Broken", [CAT])
    broken.write_bytes(b"no font")
    install("Last Resort", [UNKNOWN])
    assert fonts.undrawable(CAT + UNKNOWN) == {CAT, UNKNOWN}


def test_scripts_that_an_older_matplotlib_garbles_get_a_number(install, monkeypatch):
    arabic, hindi = "\u0642\u0637\u0629", "\u092c\u093f\u0932\u094d\u0932\u0940"
    install("Everything", set(arabic + hindi))
    assert fonts.undrawable(arabic + hindi) == (set() if fonts._SHAPES_TEXT else set(arabic + hindi))
    monkeypatch.setattr(fonts, "_SHAPES_TEXT", False)
    fonts._fallback.cache_clear()
    assert fonts.undrawable(arabic + hindi + CAT) == {*arabic, *hindi, CAT}
    assert figures.class_labels(["cat", arabic]) == ["cat", f"1: {arabic}"]
