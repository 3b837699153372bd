"""The advice that checks gave to a student: kept as comments in the gradebook, and read again for the whole class."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from cifarlab.teaching.grading.nbgrader_course import gradebook
from cifarlab.teaching.sandbox.nbgrader_cells import advice_of, is_private, is_test, nbgrader_metadata

PRIVATE = "private tests"
"""The name of the task to which an instructor's private tests belong."""

_IDS = re.compile(r"^Advice: (.+)$", re.MULTILINE)


class Task(NamedTuple):
    """An answer, with the tests that give points for it.

    Attributes:
        name: nbgrader's name of the answer's cell.
        title: the heading above it.
        tests: nbgrader's names of the cells that give points; an answer graded by hand is its own test.
    """

    name: str
    title: str
    tests: tuple[str, ...]


def tasks(assignment: NotebookNode) -> list[Task]:
    """Returns the tasks of an assignment, in its order; a test belongs to the answer above it.

    >>> answer = {"nbgrader": {"grade_id": "softmax", "solution": True}}
    >>> test = {"nbgrader": {"grade_id": "softmax-check", "grade": True}}
    >>> tasks(nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("## 1. Predictions"),
    ...     nbformat.v4.new_code_cell(metadata=answer), nbformat.v4.new_code_cell(metadata=test)]))
    [Task(name='softmax', title='1. Predictions', tests=('softmax-check',))]
    """
    found: dict[str, Task] = {}
    title, answer = "", ""
    for cell in assignment.cells:
        known = nbgrader_metadata(cell)
        if heading := re.search(r"^## (.+)", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None:
            title = heading[1].strip()
        if known.get("solution"):
            answer = known["grade_id"]
            found[answer] = Task(answer, title or answer, (answer,) if known.get("grade") else ())
        elif is_test(cell):
            name = PRIVATE if is_private(cell) else answer
            task = found.setdefault(name, Task(name, title if name == answer else name, ()))
            found[name] = task._replace(tests=(*task.tests, known["grade_id"]))
    return [task for task in found.values() if task.tests]


def store(course: Path, name: str, student: str) -> None:
    """Adds the ids of the advice in a student's graded notebook to the gradebook's comments on the answers.

    Args:
        course: the course directory.
        name: the assignment's name.
        student: the student, whose notebook nbgrader has just graded.
    """
    release, graded = (
        nbformat.read(course / step / name / f"{name}.ipynb", as_version=4)
        for step in ("release", f"autograded/{student}")
    )
    given = {nbgrader_metadata(cell).get("grade_id"): advice_of(cell) for cell in graded.cells if is_test(cell)}
    with gradebook(course, name) as book:
        for task in tasks(release):
            ids = dict.fromkeys(filter(None, (given.get(test) for test in task.tests)))
            if ids:
                comment = book.find_comment(task.name, name, name, student)
                comment.auto_comment = comment_with(comment.auto_comment, ids)
        book.db.commit()


def comment_with(comment: str | None, ids: Iterable[str]) -> str:
    """Returns a comment with the ids of advice on its last line.

    >>> comment_with("No response.", ["softmax.not-written"])
    'No response.\\nAdvice: softmax.not-written'
    """
    return "\n".join(filter(None, [comment, f"Advice: {', '.join(ids)}"]))


def ids_in(comment: str | None) -> list[str]:
    """Returns the ids of the advice in a comment.

    >>> ids_in("No response.\\nAdvice: softmax.not-written"), ids_in(None)
    (['softmax.not-written'], [])
    """
    return [each for line in _IDS.findall(comment or "") for each in line.split(", ")]


def without_ids(comment: str) -> str:
    """Returns a comment without its line of advice.

    >>> without_ids("No response.\\nAdvice: softmax.not-written"), without_ids("Well done.")
    ('No response.', 'Well done.')
    """
    return _IDS.sub("", comment).strip()
