"""Real-life submissions, each with the points that it deserves; cells are run here without a kernel.

Names in brackets are public reports of the same case.
"""

import io
from contextlib import redirect_stdout

import pytest

from cifarlab.teaching.grading.matching import match
from cifarlab.teaching.grading.pairing import Cell, Released

HALF = 'def half(x):\n    """Returns half of x."""\n    # YOUR CODE HERE\n    raise NotImplementedError()'
HYPOT = "def hypotenuse(a, b):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
COUNTER = """class Counter:
    \"\"\"Counts.\"\"\"

    def __init__(self, start=0):
        self.start = start
        # YOUR CODE HERE
        raise NotImplementedError()

    def step(self):
        # YOUR CODE HERE
        raise NotImplementedError()"""
QUESTION = "**Explain in a sentence:** why is it a half?\n\n*How it is graded, 1 point.*"
BLANK = "*Your answer, in place of this line.*"
AGAIN = "# When the notebook is graded, the same check runs here with different numbers."
POINTS = {"half-check": 2, "half-others": 1, "hypotenuse-check": 3, "counter-check": 3, "counter-others": 1}
"""Ten points are automatic; the answer in words is graded by a person."""


def a_test(cell_id, name, text, hidden=""):
    return Released(Cell("code", text, cell_id, name), "test", f"{text}\n{hidden}")


RELEASE = [
    Released(Cell("markdown", "# Halves and counters\n\nFour tasks.", "a0")),
    Released(Cell("code", "import math\n\nHALF = 0.5", "a1")),
    Released(Cell("markdown", "## 1. Half\n\nWrite it.", "a2")),
    Released(Cell("code", HALF, "a3", "half"), "answer"),
    a_test("a4", "half-check", "assert half(4) == 2"),
    a_test("a5", "half-others", AGAIN, "assert half(3) == 1.5"),
    Released(Cell("markdown", "## 2. Hypotenuse", "a6")),
    Released(Cell("code", HYPOT, "a7", "hypotenuse"), "answer"),
    a_test("a8", "hypotenuse-check", "assert hypotenuse(3, 4) == 5"),
    Released(Cell("markdown", "## 3. Counter", "a9")),
    Released(Cell("code", COUNTER, "b0", "counter"), "answer"),
    a_test("b1", "counter-check", "assert Counter(3).step() == 4"),
    a_test("b2", "counter-others", AGAIN, "assert Counter(7).step() == 8"),
    Released(Cell("code", "print(half(10), hypotenuse(6, 8))", "b3")),
    Released(Cell("markdown", QUESTION, "b4", "question"), "locked"),
    Released(Cell("markdown", BLANK, "b5", "explanation"), "answer"),
    Released(Cell("markdown", "## Recap\n\nThat was all.", "b6")),
]
WORDS = "Because two of them make a whole."
WRITTEN = {
    "half": "def half(x):\n    return HALF * x",
    "hypotenuse": "def hypotenuse(a, b):\n    return math.sqrt(4 * half(a) ** 2 + 4 * half(b) ** 2)",
    "counter": """class Counter:
    def __init__(self, start=0):
        self.now = start

    def step(self):
        self.now += 1
        return self.now""",
    "explanation": WORDS,
}
PLACES = {one.cell.grade_id: there for there, one in enumerate(RELEASE) if one.cell.grade_id}


def solved(without=()):
    """The right submission; `without` names answers that stay stubs."""
    cells = [one.cell for one in RELEASE]
    for name, text in WRITTEN.items():
        if name not in without:
            cells[PLACES[name]] = cells[PLACES[name]]._replace(text=text)
    return cells


def grade(cells):
    """Runs the cells of a match in order; returns the points, the answer in words and the match."""
    found = match(cells, RELEASE)
    names, points = {}, 0
    for placed in found.cells:
        if placed.kind != "code":
            continue
        test = next((one.full_text for one in RELEASE if one.role == "test" and one.cell.grade_id == placed.name), "")
        try:
            with redirect_stdout(io.StringIO()):
                exec(test or placed.text, names)
        except Exception:
            continue
        points += POINTS.get(placed.name, 0)
    named = [placed.name for placed in found.cells if placed.name]
    assert sorted(named) == sorted(PLACES), "each of the assignment's cells is there once"
    words = next(placed.text for placed in found.cells if placed.name == "explanation")
    return points, words if words != BLANK else "", found


def change(*names, without=(), **changes):
    """A submission with changed fields in some cells, or in all of them."""
    cells = solved(without)
    for there in [PLACES[name] for name in names] or range(len(cells)):
        cells[there] = cells[there]._replace(**changes)
    return cells


def bare(cells):
    """Cells without nbgrader's names and without ids."""
    return [cell._replace(grade_id="", cell_id="") for cell in cells]


def moved(name, place):
    cells = solved()
    cell = cells.pop(PLACES[name])
    cells.insert(place, cell)
    return cells


def added(place, *texts, kind="code", cells=None):
    cells = cells or solved()
    return [*cells[:place], *(Cell(kind, text) for text in texts), *cells[place:]]


def rewritten(name, place, text=None, keep_stub=False):
    """An answer in a new cell; the cell for it is deleted or remains a stub."""
    cells = added(place, text or WRITTEN[name], cells=solved([name]))
    if not keep_stub:
        cells.remove(RELEASE[PLACES[name]].cell)
    return cells


def dropped(*names, cells=None):
    return [cell for cell in cells or solved() if cell.grade_id not in names]


def merged(first, second, keep):
    """Two neighbors in one cell, with the metadata of one of them."""
    cells = solved()
    a, b = PLACES[first], PLACES[second]
    cells[a] = cells[PLACES[keep]]._replace(text=f"{cells[a].text}\n\n{cells[b].text}")
    del cells[b]
    return cells


def split(name, *texts, named=True):
    cells = solved()
    place = PLACES[name]
    other = cells[place] if named else Cell(cells[place].kind, "")
    cells[place : place + 1] = [other._replace(text=text) for text in texts]
    return cells


def words(place, **more):
    """A submission whose answer in words is in a new cell."""
    return added(place, WORDS, kind="markdown", cells=solved(["explanation"]), **more)


WRONG = "def half(x):\n    return x"
SWAPPED = {"half": WRITTEN["hypotenuse"], "hypotenuse": WRITTEN["half"]}

SAVED_BY_EDITORS = {
    "nothing unusual": (solved(), ""),
    "names lost, ids kept (nbgrader 424)": (change(grade_id=""), "by their cell ids: `half`, `hypotenuse`, `Counter`"),
    "ids lost, names kept": (change(cell_id=""), ""),
    "names and ids lost": (bare(solved()), "by what they define: `half`, `hypotenuse`, `Counter`"),
    "ids replaced by numbers (nbstripout)": (
        [cell._replace(grade_id="", cell_id=str(number)) for number, cell in enumerate(solved())],
        "by what they define: `half`, `hypotenuse`, `Counter`",
    ),
    "all ids are the same (colabtools 581)": (change(grade_id="", cell_id="a3"), "half"),
    "an answer has the id of another": (change("half", grade_id="", cell_id="b5"), "by what they define: `half`"),
    "an answer has the name of another": (change("half", grade_id="explanation"), "by what they define: `half`"),
    "all names are the same": (change(grade_id="half"), "by what they define: `hypotenuse`, `Counter`"),
    "headings split and cells removed (Deepnote)": (
        [*bare(solved())[:6], Cell("markdown", "## 2."), Cell("markdown", "Hypotenuse"), *bare(solved())[7:]],
        "",
    ),
    "a cell of parameters (papermill)": (added(1, "# Parameters\nseed = 3", cells=bare(solved())), ""),
    "only tests lost their names": (
        [cell._replace(grade_id="", cell_id="") if cell.grade_id in POINTS else cell for cell in solved()],
        "",
    ),
}
PLACED_ELSEWHERE = {
    "rewritten in a new cell": (rewritten("half", 4), "by what they define: `half`"),
    "rewritten above the stub": (rewritten("half", 3, keep_stub=True), "by what they define: `half`"),
    "rewritten below the stub": (rewritten("half", 4, keep_stub=True), "by what they define: `half`"),
    "rewritten below the check": (rewritten("half", 6, keep_stub=True), "that they need: tests of `half`"),
    "rewritten at the end": (rewritten("half", 16), "that they need: tests of `half`, tests of `hypotenuse`"),
    "rewritten at the top, above the imports": (rewritten("hypotenuse", 0), "by what they define: `hypotenuse`"),
    "rewritten at the end, without names": (
        bare(rewritten("counter", 17, keep_stub=True)),
        "that they need: tests of `Counter`",
    ),
    "moved to the end": (moved("half", 16), "that they need: tests of `half`, tests of `hypotenuse`"),
    "moved to the top": (moved("counter", 0), ""),
    "tasks in the opposite order": (
        [*solved()[:2], *solved()[9:13], *solved()[6:9], *solved()[2:6], *solved()[13:]],
        "that they need: tests of `hypotenuse`",
    ),
    "answers in each other's cells": (
        [cell._replace(text=SWAPPED.get(cell.grade_id, cell.text)) for cell in solved()],
        "that they need: tests of `half`",
    ),
    "checks deleted (nbgrader 1682)": (dropped(*POINTS), "missing cells were restored: tests of `half`, tests of `hyp"),
    "all deleted but the answers": ([cell for cell in solved() if cell.grade_id in WRITTEN], "restored: the cell that"),
    "setup cell deleted": (solved()[:1] + solved()[2:], "restored: the cell that defines HALF, math"),
    "setup cell merged with the heading below": (
        [*solved()[:1], Cell("code", "import math\n\nHALF = 0.5\n\n## 1. Half\n\nWrite it.", "a1"), *solved()[3:]],
        "restored: the cell that defines HALF, math",
    ),
    "setup cell edited": (
        [*solved()[:1], Cell("code", "import math\nimport os\n\nHALF = 0.5"), *solved()[2:]],
        "",
    ),
}
SPLIT_AND_MERGED = {
    "helper and function (nbgrader 1083)": (split("half", "scale = HALF", "def half(x):\n    return scale * x"), ""),
    "helper in a new cell above": (
        split("half", "scale = HALF", "def half(x):\n    return scale * x", named=False),
        "by what they define: `half`",
    ),
    "helper below": (split("half", "def half(x):\n    return scale() * x", "def scale():\n    return 0.5"), ""),
    "helpers at the end": (
        added(17, "def scale():\n    return b", "b = 0.5", cells=split("half", "def half(x):\n    return scale() * x")),
        "that they need: tests of `half`, tests of `hypotenuse`",
    ),
    "inside the function": (
        split("half", "def half(x):\n    y = x * HALF", "    return y"),
        "cells 4 and 5 are halves",
    ),
    "inside the class": (split("counter", *WRITTEN["counter"].split("\n\n")), "cells 11 and 12 are halves"),
    "merged with its check": (merged("half", "half-check", "half"), "restored: tests of `half`"),
    "merged into its check": (merged("half", "half-check", "half-check"), "restored: tests of `half`"),
    "two answers in one cell": (
        dropped("hypotenuse", cells=change("half", text=f"{WRITTEN['half']}\n\n{WRITTEN['hypotenuse']}")),
        "share a cell with another: `hypotenuse`",
    ),
}
GIVEN_TWICE = {
    "the wrong one first": (added(3, WRONG), "`half` is given in cells 4 and 5; the last one that runs counts"),
    "the right one below the check": (
        added(9, WRITTEN["half"], cells=change("half", text=WRONG)),
        "`half` is given in cells 4 and 10; the last one that runs counts",
    ),
    "a copy with its name is a stub (nbgrader 108)": ([*solved(), RELEASE[3].cell], ""),
    "a stub above other code": (added(9, f"{HALF}\n\ntried = 3"), ""),
    "a stub above other code in the same cell": (change("half", text=f"{HALF}\n\n{WRITTEN['half']}"), ""),
    "a stub below in the same cell": (change("half", text=f"{WRITTEN['half']}\n\n{HALF}"), ""),
}
CONVERTED = {
    "answer in a text cell (nbgrader 92)": (change("half", kind="markdown"), "`half` is in a text cell"),
    "answer in a text cell, fenced, without names": (
        bare(change("half", kind="markdown", text=f"```python\n{WRITTEN['half']}\n```")),
        "`half` is in a text cell",
    ),
    "answer in a raw cell": (change("counter", kind="raw"), "`Counter` is in a text cell"),
    "words in a code cell": (
        change("explanation", kind="code"),
        "the answer to the question in “3. Counter” is in a code cell",
    ),
    "words in a code cell, without names": (
        bare(change("explanation", kind="code")),
        "the answer to the question in “3. Counter” is in a code cell",
    ),
    "check in a text cell": (change("half-check", kind="markdown"), ""),
}
IN_WORDS = {
    "in a new cell below (resonance 109)": (words(16), "by their place: the question in “3. Counter”"),
    "in a new cell above": (words(15), "by their place: the question in “3. Counter”"),
    "in a new cell instead": (dropped("explanation", cells=words(16)), "by their place: the question in “3. Counter”"),
    "in a new cell, without names": (bare(words(16)), "by their place: the question in “3. Counter”"),
    "typed into the question": (
        change("question", without=["explanation"], text=f"{QUESTION}\n\n{WORDS}"),
        "by their place: the question in “3. Counter”",
    ),
    "typed into the question, without names": (
        bare(change("question", without=["explanation"], text=f"{QUESTION}\n\n{WORDS}")),
        "by their place: the question in “3. Counter”",
    ),
    "typed into the recap": (
        [*solved(["explanation"])[:16], Cell("markdown", f"{WORDS}\n\n## Recap\n\nThat was all.", "b6")],
        "by their place: the question in “3. Counter”",
    ),
}
OTHER_CODE = {
    "a lambda": (change("half", text="half = lambda x: x * HALF"), ""),
    "a lambda in a new cell": (bare(rewritten("half", 4, "half = lambda x: x * HALF")), "by what they define: `half`"),
    "another function's name": (
        bare(rewritten("half", 4, "def my_half(x):\n    return x / 2\n\nhalf = my_half", keep_stub=True)),
        "",
    ),
    "a decorator": (bare(change("half", text=f"import functools\n@functools.cache\n{WRITTEN['half']}")), ""),
    "inside an if": (bare(change("half", text="if True:\n    def half(x):\n        return x / 2")), ""),
}
CASES = {
    f"{group}: {name}": case
    for group, cases in {
        "saved": SAVED_BY_EDITORS,
        "elsewhere": PLACED_ELSEWHERE,
        "split": SPLIT_AND_MERGED,
        "twice": GIVEN_TWICE,
        "converted": CONVERTED,
        "words": IN_WORDS,
        "code": OTHER_CODE,
    }.items()
    for name, case in cases.items()
}


@pytest.mark.parametrize(("cells", "note"), CASES.values(), ids=CASES)
def test_honest_submission_gets_all_points(cells, note):
    points, in_words, found = grade(cells)
    assert (points, in_words) == (10, WORDS)
    assert note in "; ".join(found.repaired)
    assert not found.not_found
    assert not found.attention


PARTLY = {
    "one task left out": (solved(["counter"]), 6, WORDS, "no answer to `Counter`"),
    "a syntax error costs only its own task": (
        bare(change("counter", text=WRITTEN["counter"].replace("start=0):", "start=0:"))),
        6,
        WORDS,
        "",
    ),
    "given twice, the right one first": (added(9, WRONG), 4, WORDS, "`half` is given in cells 4 and 10"),
    "no words": (solved(["explanation"]), 10, "", "no answer to the question in “3. Counter”"),
    "words in two cells": (split("explanation", "Two", "make one."), 10, "Two\n\nmake one.", "which were all kept"),
    "everything in one cell": (
        [Cell("code", "\n\n".join(cell.text for cell in solved() if cell.kind == "code"))],
        10,
        "",
        "share a cell with another: `hypotenuse`, `Counter`",
    ),
    "only the answers": (
        [Cell("code", WRITTEN[name]) for name in ("half", "hypotenuse", "counter")],
        10,
        "",
        "restored: the cell that defines HALF, math",
    ),
    "only the answers, in the opposite order": (
        [Cell("code", WRITTEN[name]) for name in ("counter", "hypotenuse", "half")],
        10,
        "",
        "no answer to the question in “3. Counter”",
    ),
    "a variable of the same name, above the check": (added(4, "half = half(3)"), 4, WORDS, ""),
}


@pytest.mark.parametrize(("cells", "points", "in_words", "note"), PARTLY.values(), ids=PARTLY)
def test_submission_gets_the_points_of_what_it_contains(cells, points, in_words, note):
    given, written, found = grade(cells)
    assert (given, written) == (points, in_words)
    assert note in "; ".join([*found.repaired, *found.not_found])
    assert not found.attention


STUBS = list(WRITTEN)
RELEASE_TEXT = RELEASE[0].cell.text
HIDDEN = "**Points**: 13, 2 of them for tests of your instructor that are not shown."


@pytest.mark.parametrize("stated", ["**Points**: 11.", "**Points**: 12, 1 of them for tests of your instructor that "])
def test_an_older_release_with_another_number_of_points_is_empty(stated):
    def with_text(text):
        return RELEASE[0].cell._replace(text=f"{RELEASE_TEXT}\n\nHand in. {text}")

    release = [RELEASE[0]._replace(cell=with_text(HIDDEN)), *RELEASE[1:]]
    old = stated if stated.endswith(".") else stated + "are not shown."
    cells = [with_text(old), *solved(STUBS)[1:]]
    found = match(cells, release)
    assert (found.not_found, found.attention) == (
        ["no answer to any task; the notebook appears to be empty"],
        "it appears to be empty",
    )
    added = match([cells[0]._replace(text=cells[0].text + " I am Ada."), *cells[1:]], release)
    assert "cell 1 belongs to no task" in added.attention


OTHER = [
    Cell("markdown", "# Exercise 7. Doubles", "c0"),
    Cell("code", "import numpy as np", "c1"),
    Cell("code", "def double(x):\n    return x + x", "c2", "double"),
    Cell("code", "assert double(2) == 4", "c3", "double-check"),
    Cell("code", AGAIN, "c4", "double-others"),
    Cell("code", "def triple(x):\n    return 3 * x", "c5", "triple"),
    Cell("markdown", "**Explain:** why is it double?", "c6", "question"),
    Cell("markdown", "Because it is added to itself.", "c7", "explanation"),
]


def tried(text, place=4):
    """A submission without an answer to the first task, and a cell that looks like one."""
    return added(place, text, cells=solved(["half"]))


UNDESERVED = {
    "the assignment as released": (solved(STUBS), 0, "it appears to be empty"),
    "no cells": ([], 0, "it appears to be empty"),
    "only stubs, without names": (bare(solved(STUBS)), 0, "it appears to be empty"),
    "each stub copied as an answer": (
        added(17, HALF, HYPOT, COUNTER, cells=solved(STUBS)),
        0,
        "it appears to be empty",
    ),
    "the blank answer in words copied": (
        added(15, BLANK, kind="markdown", cells=solved(STUBS)),
        0,
        "it appears to be empty",
    ),
    "a stub with another docstring": (
        change("half", without=STUBS, text='def half(x):\n    """To do."""\n    raise NotImplementedError'),
        0,
        "it appears to be empty",
    ),
    "another exercise": (OTHER, 0, "most of its cells have names of another assignment"),
    "another exercise, without names": (bare(OTHER), 0, "cells 1, 2, 3, 4, 6 and 2 more belong to no task"),
    "somebody's notes": (
        [Cell("markdown", "Shopping: half a loaf"), Cell("code", "print('half')")],
        0,
        "cells 1 and 2 belong to no task",
    ),
    "a scratch cell that resembles an answer": (
        tried("def half_of_all(values):\n    return [HALF * x for x in values]"),
        4,
        "no answer to `half`; cell 5 belongs to no task",
    ),
    "an answer under another name": (
        change("half", text="def halve(x):\n    return x / 2"),
        4,
        "`half` is defined nowhere",
    ),
    "inside another function": (
        tried("def tests():\n    def half(x):\n        return x / 2"),
        4,
        "no answer to `half`",
    ),
    "as a method": (tried("class Halves:\n    def half(self, x):\n        return x / 2"), 4, "no answer to `half`"),
    "in a comment": (tried("# " + WRITTEN["half"].replace("\n", "\n# ")), 4, "no answer to `half`"),
    "in a string": (tried(f"text = '''{WRITTEN['half']}'''"), 4, "no answer to `half`"),
    "a variable of the same name": (tried("half = 4 / 2"), 4, "no answer to `half`"),
    "code below a heading, in its text cell": (
        [
            cell._replace(text=f"{cell.text}\n{WRITTEN['half']}") if cell.cell_id == "a2" else cell
            for cell in solved(["half"])
        ],
        4,
        "no answer to `half`; cell 3 belongs to no task",
    ),
    "a file that is written": (tried(f"%%writefile half.py\n{WRITTEN['half']}"), 4, "no answer to `half`"),
    "the statements without the function": (tried("x = 4\nx * HALF"), 4, "no answer to `half`"),
    "tests replaced": (change("half-check", "half-others", without=["half"], text="pass"), 4, ""),
    "a wrong answer like the right one": (change("half", text="def half(x):\n    return HALF + x"), 4, ""),
    "a check as an answer": (change("half", text="assert half(4) == 2"), 4, ""),
    "words far from the question": (
        words(4),
        10,
        "no answer to the question in “3. Counter”; cell 5 belongs to no task",
    ),
}


@pytest.mark.parametrize(("cells", "points", "attention"), UNDESERVED.values(), ids=UNDESERVED)
def test_nothing_is_credited_by_resemblance(cells, points, attention):
    given, in_words, found = grade(cells)
    assert given == points
    assert in_words == ("" if "words" in attention or points == 0 or "question" in attention else WORDS)
    assert attention in found.attention
    assert bool(attention) == bool(found.attention)
