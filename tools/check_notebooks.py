"""What every committed notebook has to be, beyond what nbval and ruff see; `tests/test_notebooks.py` runs it.

Each check takes a notebook and yields a line for each thing that is wrong, and how to mend it.
"""

import re
import statistics
from collections.abc import Iterator

from nbformat import NotebookNode

LONGEST_CELL, MEDIAN_CELL = 15, 6
LARGEST_SHARE_IGNORED = 1 / 4
IGNORED = "# NBVAL_IGNORE_OUTPUT"
LARGEST_FILE = 1_500_000

_BUILD = "build it: make notebooks"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_NO_WORDS = re.compile(r"<img(?![^>]*alt=\"[^\"]+\")")
_OF_A_MACHINE = re.compile(r"(?<![\w.])/(?:tmp|home|root|Users|var|private|mnt|work|opt)/|[A-Z]:\\")


def complaints(notebook: NotebookNode) -> list[str]:
    """Everything that is wrong with a notebook."""
    checks = (executed, quiet, titled, pictures_have_words, short_cells, few_ignored, of_no_machine, folded_answers)
    return [line for check in checks for line in check(notebook)]


def differences(notebook: NotebookNode, source: NotebookNode) -> Iterator[str]:
    """Where a notebook is not what its source says; outputs are not compared."""
    if len(notebook.cells) != len(source.cells):
        yield f"it has {len(notebook.cells)} cells, its source {len(source.cells)}: {_BUILD}"
        return
    for place, (cell, wanted) in enumerate(zip(notebook.cells, source.cells, strict=True)):
        parts = ("cell_type", "id", "source", "metadata")
        if any(cell[part] != wanted[part] for part in parts):
            yield f"cell {place} is not that of its source: change the source under lessons/, then {_BUILD}"
    if {k: v for k, v in notebook.metadata.items() if k != "widgets"} != source.metadata:
        yield f"its metadata is not that of its source: {_BUILD}"


def executed(notebook: NotebookNode) -> Iterator[str]:
    """Every code cell was run once, from top to bottom, and none failed."""
    for place, (_, cell) in enumerate(_code(notebook), 1):
        if cell.execution_count != place:
            yield f"code cell {place} has the execution count {cell.execution_count}: {_BUILD}"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"code cell {place} failed: mend it, then {_BUILD}"


def quiet(notebook: NotebookNode) -> Iterator[str]:
    """Nothing was written to stderr; in a graded notebook that costs points."""
    for place, cell in _code(notebook):
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"cell {place} wrote to stderr: find out what, and mend it"


def titled(notebook: NotebookNode) -> Iterator[str]:
    """The first cell is text that starts with the one title of first rank."""
    titles = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    if len(titles) != 1 or not notebook.cells[0].source.startswith("# "):
        yield f"it should open with its one title, '# ...'; got {titles}"


def pictures_have_words(notebook: NotebookNode) -> Iterator[str]:
    """Every image has an alternative text, and every widget a picture and words that stand for it."""
    for place, cell in _code(notebook):
        for output in cell.outputs:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            kinds = [kind for kind in data if kind.startswith("image/")]
            if any(not metadata.get(kind, {}).get("alt") for kind in kinds):
                yield f"cell {place} shows an image without alternative text: use figures.show"
            if _NO_WORDS.search(data.get("text/html", "")):
                yield f"cell {place} shows an image without alternative text: use figures.html_image"
            twin = kinds or any("<img" in other.get("data", {}).get("text/html", "") for other in cell.outputs)
            if _WIDGET in data and not (twin and data.get("text/plain")):
                yield f"cell {place} shows a widget without a static twin: give it a picture and words"
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and (re.search(r"!\[\s*\]\(", cell.source) or _NO_WORDS.search(cell.source)):
            yield f"cell {place} has an image without alternative text: write it between the brackets"


def short_cells(notebook: NotebookNode) -> Iterator[str]:
    """Code cells stay short; what is longer belongs into the package, with tests."""
    lengths = [len(cell.source.splitlines()) for _, cell in _code(notebook) if not _known(cell).get("solution")]
    for place, cell in _code(notebook):
        if len(cell.source.splitlines()) > LONGEST_CELL and not _known(cell).get("solution"):
            yield f"cell {place} has {len(cell.source.splitlines())} lines; {LONGEST_CELL} at most: split it"
    if statistics.median(lengths) > MEDIAN_CELL:
        yield f"the median code cell has {statistics.median(lengths)} lines; {MEDIAN_CELL} at most: split some"


def exercise_complaints(notebook: NotebookNode) -> list[str]:
    """Everything that is wrong with an exercise's solution, beyond what is wrong with any notebook."""
    return [*_headed(notebook), *_hinted_and_checked(notebook)]


def _headed(notebook: NotebookNode) -> Iterator[str]:
    """It says what it continues, minutes, difficulty, what to hand in, and as many points as its cells have."""
    head, cells = notebook.cells[0].source, notebook.cells
    for what in (
        r"\*\*Continues\*\*",
        r"\*\*Time\*\*: \d+ minutes",
        r"\*\*Difficulty\*\*: [123] of 3",
        r"\*\*Hand in\*\*",
    ):
        if not re.search(what, head):
            yield f"its first cell lacks {what}"
    points = sum(_known(cell).get("points", 0) for cell in cells)
    said = re.search(r"\*\*Points\*\*: (\d+)", head)
    table = sum(int(row) for row in re.findall(r"\| *(\d+) \|$", head, re.MULTILINE))
    if not said or int(said[1]) != points or table != points:
        yield f"its cells have {points} points; its first cell says {said and said[1]}, its table {table}"


def _hinted_and_checked(notebook: NotebookNode) -> Iterator[str]:
    """Before every task stand two folded hints, after it a check; hidden tests and a question are there."""
    for place, cell in _code(notebook):
        if not _known(cell).get("solution"):
            continue
        name, text, test = _known(cell)["grade_id"], notebook.cells[place - 1], notebook.cells[place + 1]
        if text.cell_type != "markdown" or len(re.findall(r"<summary>Hint [12]", text.source)) != 2:
            yield f"before {name} there should be a text with hints 1 and 2, folded"
        if not _known(test).get("grade") or "teaching.check_" not in test.source:
            yield f"after {name} there should be its check"
        if '"""' not in cell.source or "->" not in cell.source or "BEGIN SOLUTION" not in cell.source:
            yield f"{name} should have types, a docstring and the marks of a solution"
    if not any("BEGIN HIDDEN TESTS" in cell.source for cell in notebook.cells):
        yield "there is no hidden test"
    if not any(cell.cell_type == "markdown" and _known(cell).get("grade") for cell in notebook.cells):
        yield "there is no question to be answered in words"


def _known(cell: NotebookNode) -> dict:
    """What nbgrader knows of a cell."""
    return cell.metadata.get("nbgrader", {})


def few_ignored(notebook: NotebookNode) -> Iterator[str]:
    """Outputs that nbval does not compare are few."""
    cells = [cell for _, cell in _code(notebook)]
    ignored = sum(IGNORED in cell.source for cell in cells)
    if ignored > LARGEST_SHARE_IGNORED * len(cells):
        yield f"{ignored} of {len(cells)} code cells are marked {IGNORED}; a quarter at most: print what repeats"


def of_no_machine(notebook: NotebookNode) -> Iterator[str]:
    """No output names a folder of the machine that it was made on."""
    for place, cell in _code(notebook):
        for output in cell.outputs:
            text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
            if match := _OF_A_MACHINE.search(text):
                yield f"cell {place} prints the folder {match[0]}: print names only"


def folded_answers(notebook: NotebookNode) -> Iterator[str]:
    """Every folded answer is closed again; else it swallows the rest of the page."""
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and cell.source.count("<details") != cell.source.count("</details>"):
            yield f"cell {place} opens and closes <details> unequally often"


def _code(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """The code cells and their places among all cells."""
    return [(place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
