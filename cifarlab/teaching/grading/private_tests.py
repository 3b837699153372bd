"""An instructor's private tests: reading them, trying them with the reference solution, and stating their points."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.sandbox.execution import execute_notebook
from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS, PRIVATE_PREFIX, is_private, is_test, prepare_tests

_POINTS = re.compile(r"#\s*points\s*[:=]\s*(\d+(?:[.,]\d+)?)\s*", re.IGNORECASE)
_STATED = re.compile(r"(\*\*Points\*\*: )(\d+(?:\.\d+)?)\b")


def read_tests(extra_tests: str | os.PathLike, name: str) -> list[NotebookNode]:
    """Returns a hidden test for each of an instructor's files.

    Args:
        extra_tests: the directory with `NAME/*.py`.
        name: the exercise's name.

    Raises:
        AssignmentError: there are no tests, or a file is not a test; the message names it.
    """
    folder = as_path(extra_tests) / name
    cells = [_read_test(path) for path in entries(folder) if path.suffix == ".py" and path.name[0] != "."]
    if not cells:
        raise AssignmentError(f"no tests in {folder}; expected .py files.")
    return cells


def _read_test(path: Path) -> NotebookNode:
    try:
        first, _, code = path.read_text(encoding="utf-8-sig").partition("\n")
    except UnicodeDecodeError as error:
        raise AssignmentError(f"{path} must be a UTF-8 text; got other bytes. Save it again as UTF-8.") from error
    match = _POINTS.fullmatch(first)
    if not match:
        raise AssignmentError(f"{path}: the first line must be like '# points: 2'; got {first[:40]!r}.")
    try:
        compile(f"\n{code}", str(path), "exec")  # one line down, so that the line number is the file's
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None) or 1
        raise AssignmentError(f"{path}, line {line}: {getattr(error, 'msg', error)}. Nothing was released.") from error
    known = {"grade_id": f"{PRIVATE_PREFIX}{path.stem}", "points": float(match[1].replace(",", "."))}
    known |= {"grade": True, "locked": True, "solution": False, "task": False, "schema_version": 3}
    text = f"# A private test of the instructor.\n### {HIDDEN_TESTS}\n{code.rstrip()}\n### END HIDDEN TESTS"
    return nbformat.v4.new_code_cell(text, metadata=nbformat.from_dict({"nbgrader": known}))


def kept_tests(source: Path) -> list[NotebookNode]:
    """Returns the private tests of an assignment that was released before, from its notebook with hidden tests."""
    return list(filter(is_private, nbformat.read(source, as_version=4).cells)) if source.is_file() else []


def try_tests(source: NotebookNode) -> None:
    """Runs the private tests with the reference solution, as for a student; each must give all its points.

    Args:
        source: the solution with hidden and private tests.

    Raises:
        AssignmentError: a test fails; the message says how.
    """
    notebook = prepare_tests(nbformat.from_dict(source), source, b"")
    tested = [str(cell.metadata.nbgrader.grade_id) for cell in notebook.cells if is_private(cell)]
    for cell in filter(is_private, notebook.cells):  # under another name, so that all its messages are shown
        cell.metadata.nbgrader.grade_id = f"tried-{cell.metadata.nbgrader.grade_id}"
    executed = nbformat.reads(execute_notebook(nbformat.writes(notebook)), as_version=4)
    for name, cell in zip(tested, executed.cells[len(executed.cells) - len(tested) :], strict=True):
        if problem := _problem(cell.outputs, cell.metadata.nbgrader.points):
            raise AssignmentError(
                f"your private test {name.removeprefix(PRIVATE_PREFIX)}.py must give the reference solution all its "
                f"points; {problem}. Correct the test, then release again; nothing was changed."
            )


def _problem(outputs: Iterable[NotebookNode], most: float) -> str:
    """Returns why a test that had these outputs did not give all its points, or ""."""
    for output in outputs:
        if output.output_type == "error":
            return " ".join(f"{output.ename}: {output.evalue}".split()).rstrip(".")
        if output.output_type == "execute_result" and float(output.data["text/plain"]) < most:
            return f"it gave {output.data['text/plain']} of {most:g}"
    return ""


def state_points(source: NotebookNode) -> None:
    """Writes the number of points with private tests where the exercise states its points."""
    private = sum(cell.metadata.nbgrader.points for cell in source.cells if is_test(cell) and is_private(cell))
    for cell in source.cells if private else []:
        if cell.cell_type == "markdown" and (stated := _STATED.search(cell.source)):
            total = float(stated[2]) + private
            words = f"{stated[1]}{total:g}, {private:g} of them for tests of your instructor that are not shown"
            cell.source = cell.source.replace(stated[0], words, 1)
            return
