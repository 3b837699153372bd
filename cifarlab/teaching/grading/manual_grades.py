"""Points given by hand: they stay final if the answer that they are for has not changed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import nbformat

from cifarlab.teaching.grading.nbgrader_course import gradebook, recorded_submission
from cifarlab.teaching.sandbox.nbgrader_cells import nbgrader_metadata


@contextlib.contextmanager
def kept(course: Path, assignment: str, student: str, *, same_file: bool) -> Iterator[None]:
    """Keeps points that were given by hand final while a submission is graded again; nbgrader would reopen them all.

    An answer that has changed is reopened.

    Args:
        course: the course directory.
        assignment: the assignment's name.
        student: the student's name.
        same_file: whether the submitted file has not changed.
    """
    before = _answers(course, assignment, student)
    final = _final_grades(course, assignment, student)
    yield
    after = _answers(course, assignment, student)
    final = {name for name in final if same_file or (name in before and before[name] == after.get(name))}
    if not final:
        return
    with gradebook(course, assignment) as book:
        for notebook in recorded_submission(book, assignment, student).notebooks:
            for grade in notebook.grades:
                grade.needs_manual_grade = grade.needs_manual_grade and grade.cell.name not in final
        book.db.commit()


def _final_grades(course: Path, assignment: str, student: str) -> set[str]:
    """Returns the names of the cells whose points were given by hand and wait for nothing."""
    with gradebook(course, assignment) as book:
        submission = recorded_submission(book, assignment, student)
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades] if submission else []
        return {grade.cell.name for grade in grades if grade.manual_score is not None and not grade.needs_manual_grade}


def _answers(course: Path, assignment: str, student: str) -> dict[str, str]:
    """Returns the texts of a graded submission's answers, by the name of the cell."""
    path = course / "autograded" / student / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        return {}
    cells = nbformat.read(path, as_version=4).cells
    known = [(nbgrader_metadata(cell), cell.source) for cell in cells]
    return {str(each["grade_id"]): text for each, text in known if each.get("solution") and "grade_id" in each}
