"""An instructor's private tests: reading them, trying them with the reference solution, and stating their points."""

import ast
import os
import re
import textwrap
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.stated_points import add_private
from cifarlab.teaching.sandbox.execution import execute_notebook
from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS, PRIVATE_PREFIX, is_private, is_test, prepare_tests

_FILE = re.compile(rf"^### {HIDDEN_TESTS}\n# (.+\.py)$", re.MULTILINE)
_POINTS = re.compile(r"#\s*points\s*[:=]\s*(\d+(?:[.,]\d+)?)\s*", re.IGNORECASE)


def read_tests(extra_tests: str | os.PathLike, name: str, before: Iterable[NotebookNode] = ()) -> list[NotebookNode]:
    """Returns a hidden test for each of an instructor's files.

    Students see nbgrader's name of a test, so it is a number. A file that was released before keeps its own, with its
    points in the gradebook.

    Args:
        extra_tests: the directory with `NAME/*.py`.
        name: the exercise's name.
        before: the private tests that the assignment has, from `kept_tests`.

    Raises:
        AssignmentError: there are no tests, or a file is not a test; the message names it.
    """
    folder = as_path(extra_tests) / name
    paths = [path for path in entries(folder) if path.suffix == ".py" and path.name[0] != "."]
    if not paths:
        raise AssignmentError(f"no tests in {folder}; expected .py files.")
    names = {file_name(cell): str(cell.metadata.nbgrader.grade_id) for cell in before}
    numbers = [name.removeprefix(PRIVATE_PREFIX) for name in names.values()]
    last = max([int(number) for number in numbers if number.isdecimal()], default=0)
    for path in paths:
        if path.name not in names:
            last += 1
            names[path.name] = f"{PRIVATE_PREFIX}{last}"
    return [_read_test(path, names[path.name]) for path in paths]


def file_name(test: NotebookNode) -> str:
    """Returns the name of the file that a private test was read from."""
    found = _FILE.search(test.source)
    name = str(test.metadata.nbgrader.grade_id).removeprefix(PRIVATE_PREFIX)
    return found[1] if found else f"{name}.py"  # in earlier versions, nbgrader's name of a test was the file's


def _read_test(path: Path, name: str) -> NotebookNode:
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
    known = {"grade_id": name, "points": float(match[1].replace(",", "."))}
    known |= {"grade": True, "locked": True, "solution": False, "task": False, "schema_version": 3}
    text = (
        f"# A private test of the instructor.\n### {HIDDEN_TESTS}\n# {path.name}\n{code.rstrip()}\n### END HIDDEN TESTS"
    )
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
    tested = [file_name(cell) for cell in notebook.cells if is_private(cell)]
    for cell in filter(is_private, notebook.cells):  # under another name, so that all its messages are shown
        cell.metadata.nbgrader.grade_id = f"tried-{cell.metadata.nbgrader.grade_id}"
        cell.source = _with_messages(cell.source)
    executed = nbformat.reads(execute_notebook(nbformat.writes(notebook)), as_version=4)
    for name, cell in zip(tested, executed.cells[len(executed.cells) - len(tested) :], strict=True):
        if problem := _problem(cell.outputs, cell.metadata.nbgrader.points):
            raise AssignmentError(
                f"your private test {name} must give the reference solution all its "
                f"points; {problem}. Correct the test, then release again; nothing was changed."
            )


def _with_messages(source: str) -> str:
    """Returns a test's code in which each `assert` without a message has one that names its line in the file."""
    first = source[: source.index(HIDDEN_TESTS)].count("\n") + 1  # the file's first line follows the marker
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.msg is None:
            code = textwrap.shorten(ast.unparse(node), 80, placeholder=" ...")
            node.msg = ast.Constant(f"line {node.lineno - first}: {code} fails")
    return ast.unparse(tree)


def _problem(outputs: Iterable[NotebookNode], most: float) -> str:
    """Returns why a test that had these outputs did not give all its points, or ""."""
    for output in outputs:
        if output.output_type == "error":
            name = "" if re.match(r"line \d+: assert ", output.evalue) else f"{output.ename}: "
            return " ".join(f"{name}{output.evalue}".split()).rstrip(".")
        if output.output_type == "execute_result" and float(output.data["text/plain"]) < most:
            return f"it gave {output.data['text/plain']} of {most:g}"
    return ""


def state_points(source: NotebookNode) -> None:
    """Writes the number of points with private tests where the exercise states its points."""
    private = sum(cell.metadata.nbgrader.points for cell in source.cells if is_test(cell) and is_private(cell))
    for cell in source.cells if private else []:
        if cell.cell_type == "markdown" and (text := add_private(cell.source, private)) != cell.source:
            cell.source = text
            return
