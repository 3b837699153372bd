"""The points of a class, for the console and for learning platforms, from nbgrader's gradebook."""

import csv
import os
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from cifarlab.files import as_path
from cifarlab.teaching.grading.nbgrader_course import gradebook
from cifarlab.text import sanitize


class Score(NamedTuple):
    """A student's points in an assignment.

    Attributes:
        student: the name of the student's directory in submitted/.
        score: the sum of automatic and manual points.
        max_score: the maximum number of points.
        needs_manual_grade: whether some points have not been graded manually yet.
    """

    student: str
    score: float
    max_score: float
    needs_manual_grade: bool


def list_scores(name: str, course: str | os.PathLike) -> list[Score]:
    """Returns the points of all submissions of an assignment, sorted by student, with late penalties subtracted.

    Raises:
        AssignmentError: the course's gradebook does not contain this assignment.
    """
    with gradebook(as_path(course), name) as book:
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
    """Writes the points to a CSV file for a learning platform.

    Args:
        name: the assignment's name.
        course: the course directory.
        path: the path of the CSV file.
        csv_format: "canvas", which identifies students by their login, or "moodle", where you choose "ID number" as the
            column that identifies students.
    """
    points = list_scores(name, course)
    with gradebook(as_path(course), name) as book:
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
    with open(as_path(path), "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([[_harmless(text) for text in row] for row in rows])


def _harmless(text: str) -> str:
    """Returns a text on one line that spreadsheets do not interpret as a formula."""
    text = sanitize(text)
    first = unicodedata.normalize("NFKC", text.strip()[:1])  # full-width signs are recognized too
    return f"'{text}" if first in tuple("=+-@") else text


def format_table(points: Sequence[Score]) -> str:
    """Formats the points of a class as a table for the console.

    >>> print(format_table([Score("ada", 10.0, 12.0, True), Score("grace", 2.5, 12.0, False)]))
    student  points
    ada          10 of 12, manual grading pending
    grace       2.5 of 12
    """
    students = [sanitize(p.student) for p in points]
    width = max(map(len, ["student", *students]))
    lines = [f"{'student':{width}}  points"]
    for student, p in zip(students, points, strict=True):
        rest = ", manual grading pending" if p.needs_manual_grade else ""
        lines.append(f"{student:{width}}  {p.score:>6g} of {p.max_score:g}{rest}")
    return "\n".join(lines)
