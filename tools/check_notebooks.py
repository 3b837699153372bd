"""Checks of the committed notebooks in addition to nbval and ruff; `tests/test_notebooks.py` runs them.

Each check takes a notebook and yields a line for each problem, with advice on how to fix it.
"""

import re
import statistics
from collections.abc import Iterator

from nbformat import NotebookNode

LONGEST_CELL, MEDIAN_CELL = 15, 6
LARGEST_SHARE_IGNORED = 1 / 4
IGNORED = "# NBVAL_IGNORE_OUTPUT"
LARGEST_FILE = 1_500_000

_BUILD = "run make notebooks"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_NO_WORDS = re.compile(r"<img(?![^>]*alt=\"[^\"]+\")")
_OF_A_MACHINE = re.compile(r"(?<![\w.])/(?:tmp|home|root|Users|var|private|mnt|work|opt)/|[A-Z]:\\")


def complaints(notebook: NotebookNode) -> list[str]:
    """Returns all problems of a notebook."""
    checks = (executed, quiet, titled, pictures_have_words, short_cells, few_ignored, of_no_machine, folded_answers)
    return [line for check in checks for line in check(notebook)]


def differences(notebook: NotebookNode, source: NotebookNode) -> Iterator[str]:
    """Yields the differences between a notebook and its source, apart from outputs."""
    if len(notebook.cells) != len(source.cells):
        yield f"it has {len(notebook.cells)} cells, but its source has {len(source.cells)}: {_BUILD}"
        return
    for place, (cell, wanted) in enumerate(zip(notebook.cells, source.cells, strict=True)):
        parts = ("cell_type", "id", "source", "metadata")
        if any(cell[part] != wanted[part] for part in parts):
            yield f"cell {place} differs from its source: change the source in lessons/, then {_BUILD}"
    if {k: v for k, v in notebook.metadata.items() if k != "widgets"} != source.metadata:
        yield f"its metadata differ from those of its source: {_BUILD}"


def executed(notebook: NotebookNode) -> Iterator[str]:
    """Checks that all code cells were run once, in order, and that none failed."""
    for place, (_, cell) in enumerate(_code(notebook), 1):
        if cell.execution_count != place:
            yield f"code cell {place} has the execution count {cell.execution_count}: {_BUILD}"
        if any(output.output_type == "error" for output in cell.outputs):
            yield f"code cell {place} failed: fix it, then {_BUILD}"


def quiet(notebook: NotebookNode) -> Iterator[str]:
    """Checks that no cell wrote to stderr, which would cost points in a graded notebook."""
    for place, cell in _code(notebook):
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield f"cell {place} wrote to stderr: find the cause and fix it"


def titled(notebook: NotebookNode) -> Iterator[str]:
    """Checks that the first cell starts with the only level-1 heading."""
    titles = [
        line
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for line in cell.source.splitlines()
        if line.startswith("# ")
    ]
    if len(titles) != 1 or not notebook.cells[0].source.startswith("# "):
        yield f"it must start with its only title, '# ...'; got {titles}"


def pictures_have_words(notebook: NotebookNode) -> Iterator[str]:
    """Checks that every image has an alternative text, and every widget an image and text as a fallback."""
    for place, cell in _code(notebook):
        for output in cell.outputs:
            data, metadata = output.get("data", {}), output.get("metadata", {})
            kinds = [kind for kind in data if kind.startswith("image/")]
            if any(not metadata.get(kind, {}).get("alt") for kind in kinds):
                yield f"cell {place} shows an image without alternative text: use figures.show"
            if _NO_WORDS.search(data.get("text/html", "")):
                yield f"cell {place} shows an image without alternative text: use figures.html_image"
            fallback = kinds or any("<img" in other.get("data", {}).get("text/html", "") for other in cell.outputs)
            if _WIDGET in data and not (fallback and data.get("text/plain")):
                yield f"cell {place} shows a widget without a fallback: add an image and text"
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and (re.search(r"!\[\s*\]\(", cell.source) or _NO_WORDS.search(cell.source)):
            yield f"cell {place} has an image without alternative text: write it between the brackets"


def short_cells(notebook: NotebookNode) -> Iterator[str]:
    """Checks that code cells are short; longer code belongs in the package, with tests."""
    lengths = [len(cell.source.splitlines()) for _, cell in _code(notebook) if not _known(cell).get("solution")]
    for place, cell in _code(notebook):
        if len(cell.source.splitlines()) > LONGEST_CELL and not _known(cell).get("solution"):
            yield f"cell {place} has {len(cell.source.splitlines())} lines; {LONGEST_CELL} at most: split it"
    if statistics.median(lengths) > MEDIAN_CELL:
        yield f"the median code cell has {statistics.median(lengths)} lines; {MEDIAN_CELL} at most: split some"


def exercise_complaints(notebook: NotebookNode) -> list[str]:
    """Returns the problems of an exercise's solution, in addition to those of any notebook."""
    return [*_headed(notebook), *_hinted_and_checked(notebook)]


def _headed(notebook: NotebookNode) -> Iterator[str]:
    """Checks the first cell: the lesson before, minutes, difficulty, what to submit, and the sum of points."""
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
        yield f"its cells have {points} points, but its first cell says {said and said[1]} and its table {table}"


def _hinted_and_checked(notebook: NotebookNode) -> Iterator[str]:
    """Checks that every task has two folded hints and a check, and that there are hidden tests and a question."""
    for place, cell in _code(notebook):
        if not _known(cell).get("solution"):
            continue
        name, text, test = _known(cell)["grade_id"], notebook.cells[place - 1], notebook.cells[place + 1]
        if text.cell_type != "markdown" or len(re.findall(r"<summary>Hint [12]", text.source)) != 2:
            yield f"the cell before {name} must have the folded hints 1 and 2"
        if not _known(test).get("grade") or "teaching.check_" not in test.source:
            yield f"the cell after {name} must be its check"
        if '"""' not in cell.source or "->" not in cell.source or "BEGIN SOLUTION" not in cell.source:
            yield f"{name} must have types, a docstring and the markers of a solution"
    if not any("BEGIN HIDDEN TESTS" in cell.source for cell in notebook.cells):
        yield "there is no hidden test"
    if not any(cell.cell_type == "markdown" and _known(cell).get("grade") for cell in notebook.cells):
        yield "there is no question with a written answer"


def _known(cell: NotebookNode) -> dict:
    """Returns nbgrader's metadata of a cell."""
    return cell.metadata.get("nbgrader", {})


def few_ignored(notebook: NotebookNode) -> Iterator[str]:
    """Checks that only few outputs are excluded from nbval's comparison."""
    cells = [cell for _, cell in _code(notebook)]
    ignored = sum(IGNORED in cell.source for cell in cells)
    if ignored > LARGEST_SHARE_IGNORED * len(cells):
        yield f"{ignored} of {len(cells)} code cells are marked {IGNORED}; reduce them to at most a quarter"


def of_no_machine(notebook: NotebookNode) -> Iterator[str]:
    """Checks that no output contains a path of the machine that built it."""
    for place, cell in _code(notebook):
        for output in cell.outputs:
            text = str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
            if match := _OF_A_MACHINE.search(text):
                yield f"cell {place} prints the path {match[0]}: print names only"


def folded_answers(notebook: NotebookNode) -> Iterator[str]:
    """Checks that every <details> is closed; otherwise it would hide the rest of the page."""
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown" and cell.source.count("<details") != cell.source.count("</details>"):
            yield f"cell {place} has different numbers of <details> and </details>"


def _code(notebook: NotebookNode) -> list[tuple[int, NotebookNode]]:
    """Returns the code cells with their indices among all cells."""
    return [(place, cell) for place, cell in enumerate(notebook.cells) if cell.cell_type == "code"]
