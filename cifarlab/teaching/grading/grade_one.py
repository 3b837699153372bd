"""Grades one notebook without a gradebook, for platforms that start the grader themselves.

The notebook takes the same path as a class's: it is repaired, its tests get their own numbers, and the sandbox
executes it. Only nbgrader's gradebook is left out.
"""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from cifarlab.errors import UserError
from cifarlab.files import as_path, entries
from cifarlab.teaching.grading.advice import tasks
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.intake import Submission, find_submission
from cifarlab.teaching.grading.nbgrader_course import points_of
from cifarlab.teaching.grading.releasing import load_assignment
from cifarlab.teaching.grading.submissions import repair_submission
from cifarlab.teaching.sandbox.execution import execute_notebook
from cifarlab.teaching.sandbox.limits import Limits
from cifarlab.teaching.sandbox.nbgrader_cells import (
    HIDDEN_TESTS,
    advice_of,
    is_private,
    is_test,
    nbgrader_metadata,
    prepare_tests,
)


class GradedTest(NamedTuple):
    """The result of a test.

    Attributes:
        name: the heading of its task, and which of the task's tests it is.
        score: the points; None for an answer to be graded manually.
        max_score: the maximum number of points.
        advice_id: the id of the check's advice; empty if it gave none.
        words: what the student reads.
    """

    name: str
    score: float | None
    max_score: float
    advice_id: str
    words: str


class NotebookResult(NamedTuple):
    """The result of a notebook.

    Attributes:
        assignment: the name of the assignment.
        tests: the tests, in the assignment's order.
        notes: what was repaired in the notebook, and what could not be found.
        seconds: the time that grading took.
        error: why it could not be graded, which is not the student's fault; empty if it was.
    """

    assignment: str
    tests: list[GradedTest]
    notes: list[str]
    seconds: float
    error: str = ""


def grade_notebook(
    path: str | os.PathLike, course: str | os.PathLike, *, name: str | None = None, limits: Limits | None = None
) -> NotebookResult:
    """Grades a notebook with the assignment that was released in a course.

    Args:
        path: the file that was submitted, or the directory that contains it; `intake.find_submission` reads it.
        course: a directory with `release/NAME` and `source/NAME` in it, as `release` writes them.
        name: the assignment's name; by default the notebook's, or the only one that was released.
        limits: resource limits.

    Raises:
        AssignmentError: there is no such file, or no such assignment.
    """
    started, course, path = time.monotonic(), as_path(course), as_path(path)
    name = _assignment(course, path) if name is None else name
    release, source = load_assignment(course, name)
    submitted, notebook = _submission(path, name, release)
    repaired = repair_submission(notebook, release, source)
    prepared = prepare_tests(repaired, source, submitted)
    executed = nbformat.reads(execute_notebook(nbformat.writes(prepared), limits), as_version=4)
    notes = [*repaired.metadata.cifarlab.repaired, *repaired.metadata.cifarlab.not_found]
    return NotebookResult(name, graded_tests(executed, source), notes, time.monotonic() - started)


def graded_tests(executed: NotebookNode, source: NotebookNode) -> list[GradedTest]:
    """Returns the results of an executed notebook's tests.

    Args:
        executed: the notebook.
        source: the assignment with hidden tests, which has the names and the order of the tests.
    """
    cells = {nbgrader_metadata(cell).get("grade_id"): cell for cell in executed.cells}
    found = []
    for task in tasks(source):
        for number, test in enumerate(task.tests, 1):
            cell = cells[test]
            score, most = points_of(cell)
            found.append(
                GradedTest(f"{task.title}: {_kind(cell, number)}", score, most, advice_of(cell), _words(cell, score))
            )
    return found


def _kind(cell: NotebookNode, number: int) -> str:
    if is_private(cell):  # its name may say what it tests
        return f"test {number}"
    if not is_test(cell):
        return "written answer"
    return "other numbers" if HIDDEN_TESTS in cell.source else "check"


def _words(cell: NotebookNode, score: float | None) -> str:
    """Returns what a test's outputs say; they are the grader's, as the sandbox keeps no other output of a test."""
    if score is None:
        return "To be graded manually."
    lines = []
    for output in cell.get("outputs", ()):
        if output.output_type == "error":
            known = output.ename in ("CheckFailedError", "NotRunError")
            lines.append(output.evalue if known else f"{output.ename}: {output.evalue}")
        else:
            lines.append(output.get("text") or output.get("data", {}).get("text/plain", ""))
    return "\n".join(line.strip() for line in lines if line.strip())


def _submission(path: Path, name: str, release: NotebookNode) -> Submission:
    """Finds and reads the notebook as in a class; a single file is put into a directory as a student's would be."""
    released = [cell.source for cell in release.cells]
    if path.is_dir():
        return find_submission(path, name, released)
    if not path.is_file():
        raise AssignmentError(f"NOTEBOOK must be a file, or the directory that contains it; {path} is neither.")
    with tempfile.TemporaryDirectory() as directory:
        shutil.copyfile(path, Path(directory, path.name))
        return find_submission(Path(directory), name, released)


def _assignment(course: Path, path: Path) -> str:
    """Returns the name of the assignment that a notebook belongs to."""
    released = [folder.name for folder in entries(course / "release") if (folder / f"{folder.name}.ipynb").is_file()]
    if path.stem in released:
        return path.stem
    if len(released) != 1:
        names = ", ".join(released) or "none"
        raise AssignmentError(f"--name must name the assignment of {path.name}; released in {course}: {names}.")
    return released[0]


def failed(error: Exception, name: str | None = None) -> NotebookResult:
    """Returns the result of a notebook that could not be graded."""
    words = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
    return NotebookResult(name or "", [], [], 0.0, words)


UNFINISHED = NotebookResult("", [], [], 0.0, "grading was stopped before it had finished")
"""The result that is written first, and that remains if the grader is killed."""
