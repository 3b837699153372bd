"""The points of a class: from nbgrader's gradebook to the console and to learning platforms."""

import csv
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cifarlab.teaching.grading.nbgrader_course import gradebook
from cifarlab.text import sanitize


class Score(NamedTuple):
    """What a student has reached in an assignment.

    Attributes:
        student: the name of the folder in submitted/.
        score: points, automatic and by hand together.
        max_score: that there are.
        needs_manual_grade: points that still wait to be given by hand are in it.
    """

    student: str
    score: float
    max_score: float
    needs_manual_grade: bool


def list_scores(name: str, course: str | os.PathLike) -> list[Score]:
    """The points of all who handed an assignment in, by student, less what nbgrader takes off for being late.

    Raises:
        AssignmentError: there is no such assignment in the course's gradebook.
    """
    with gradebook(Path(course), name) as book:
        return sorted(
            Score(
                submission.student.id,
                max(0.0, submission.score - submission.late_submission_penalty),
                submission.max_score,
                submission.needs_manual_grade,
            )
            for submission in book.assignment_submissions(name)
        )


def export_csv(name: str, course: str | os.PathLike, path: str | os.PathLike, csv_format: str = "canvas") -> None:
    """Writes the points as a CSV file that a learning platform takes.

    Args:
        name: of the assignment.
        course: the course's folder.
        path: of the file.
        csv_format: "canvas", whose students are found by their login, or "moodle", where one chooses "ID number" when
            asked which column says who it is.
    """
    points = list_scores(name, course)
    with gradebook(Path(course), name) as book:
        known = {student.id: student for student in book.students}
        most = book.find_assignment(name).max_score
    names = {key: ", ".join(filter(None, (who.last_name, who.first_name))) or key for key, who in known.items()}
    if csv_format == "canvas":
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name]]
        rows += [["Points Possible", "", "", "", "", f"{most:g}"]]
        rows += [[names[p.student], "", "", p.student, "", f"{p.score:g}"] for p in points]
    else:
        rows = [["Full name", "ID number", "Email address", name]]
        rows += [[names[p.student], p.student, known[p.student].email or "", f"{p.score:g}"] for p in points]
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[_harmless(text) for text in row] for row in rows])


def _harmless(text: str) -> str:
    """A cell that no spreadsheet takes for a formula, in one line."""
    text = sanitize(text)
    first = unicodedata.normalize("NFKC", text.strip()[:1])  # in its usual width
    return f"'{text}" if first in tuple("=+-@") else text


def format_table(points: Sequence[Score]) -> str:
    """The points of a class, for the console.

    >>> print(format_table([Score("ada", 10.0, 12.0, True), Score("grace", 2.5, 12.0, False)]))
    student  points
    ada          10 of 12, points by hand still to come
    grace       2.5 of 12
    """
    students = [sanitize(p.student) for p in points]
    width = max(map(len, ["student", *students]))
    lines = [f"{'student':{width}}  points"]
    for student, p in zip(students, points, strict=True):
        rest = ", points by hand still to come" if p.needs_manual_grade else ""
        lines.append(f"{student:{width}}  {p.score:>6g} of {p.max_score:g}{rest}")
    return "\n".join(lines)
