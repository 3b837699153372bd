"""The points of a class, for the console and for learning platforms, from nbgrader's gradebook."""

import csv
import datetime
import os
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading.nbgrader_course import gradebook
from cifarlab.text import sanitize

CSV_FORMATS = ("canvas", "moodle", "tasks")


class Score(NamedTuple):
    """A student's points in an assignment.

    Attributes:
        student: the name of the student's directory in submitted/.
        score: the sum of automatic and manual points.
        max_score: the maximum number of points.
        needs_manual_grade: whether some points have not been graded manually yet.
        seconds_late: how long after the due date it was submitted, in seconds; 0 if it was in time.
        penalty: the points that were subtracted because it was late.
        submitted: whether the student's directory is still in submitted/.
    """

    student: str
    score: float
    max_score: float
    needs_manual_grade: bool
    seconds_late: float = 0.0
    penalty: float = 0.0
    submitted: bool = True


def list_scores(name: str, course: str | os.PathLike) -> list[Score]:
    """Returns the points of all submissions of an assignment, sorted by student, with late penalties subtracted.

    Raises:
        AssignmentError: the course's gradebook does not contain this assignment.
    """
    course = as_path(course)
    there = {folder.name for folder in entries(course / "submitted")}
    with gradebook(course, name) as book:
        return sorted(
            Score(
                submission.student.id,
                max(0.0, submission.score - (submission.late_submission_penalty or 0)),
                submission.max_score,
                submission.needs_manual_grade,
                submission.total_seconds_late if submission.assignment.duedate else 0.0,
                submission.late_submission_penalty or 0.0,
                submission.student.id in there or not there,
            )
            for submission in book.assignment_submissions(name)
            if is_graded(submission)
        )


def is_graded(submission: Any) -> bool:
    """Returns whether nbgrader has graded a submission, which an extension creates before anything is submitted."""
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return any(grade.auto_score is not None or grade.manual_score is not None for grade in grades)


def export_csv(name: str, course: str | os.PathLike, path: str | os.PathLike, csv_format: str = "canvas") -> None:
    """Writes the points to a CSV file for a learning platform, or with all details.

    For Canvas and Moodle, students who still wait for points given by hand are left out: both would take an incomplete
    total for the final one. The file is UTF-8 with a byte order mark, as both platforms and spreadsheets read it.

    Args:
        name: the assignment's name.
        course: the course directory.
        path: the path of the CSV file.
        csv_format: "canvas", which identifies students by their login, or their number if nbgrader knows it; "moodle",
            where you choose "ID number" as the column that identifies students; or "tasks", with the
            points of each task and a status.
    """
    points = list_scores(name, course)
    with gradebook(as_path(course), name) as book:
        known = {student.id: student for student in book.students}
        most = book.find_assignment(name).max_score
        tasks = _points_by_task(book.assignment_submissions(name))
    names = {key: ", ".join(filter(None, (who.last_name, who.first_name))) or key for key, who in known.items()}
    final = [p for p in points if not p.needs_manual_grade]
    if csv_format == "canvas":
        rows = [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", name]]
        rows += [["Points Possible", "", "", "", "", f"{most:g}"]]
        rows += [
            [names[p.student], known[p.student].lms_user_id or "", "", p.student, "", f"{p.score:g}"] for p in final
        ]
    elif csv_format == "moodle":
        rows = [["Full name", "ID number", "Email address", name]]
        rows += [[names[p.student], p.student, known[p.student].email or "", f"{p.score:g}"] for p in final]
    else:
        columns = list(dict.fromkeys(task for each in tasks.values() for task in each))
        rows = [["student", "name", "points", "of", "status", "minutes late", "penalty", *columns]]
        for p in points:
            status = "provisional" if p.needs_manual_grade else "final"
            row = [p.student, names[p.student], f"{p.score:g}", f"{most:g}", status, f"{p.seconds_late / 60:.0f}"]
            rows.append([*row, f"{p.penalty:g}", *(tasks[p.student].get(task, "") for task in columns)])
    with open(as_path(path), "w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([[harmless(text) for text in row] for row in rows])


def _points_by_task(submissions: Sequence[Any]) -> dict[str, dict[str, str]]:
    """Returns each student's points by graded cell, in the assignment's order; empty for those not graded yet."""
    found = {}
    for submission in submissions:
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        order = [cell.name for notebook in submission.assignment.notebooks for cell in notebook.source_cells]
        grades.sort(key=lambda grade: order.index(grade.cell.name) if grade.cell.name in order else len(order))
        found[submission.student.id] = {
            grade.cell.name: "" if grade.needs_manual_grade else f"{grade.score:g}" for grade in grades
        }
    return found


def harmless(text: str) -> str:
    """Returns a text on one line that spreadsheets do not interpret as a formula."""
    text = sanitize(text.strip())
    first = unicodedata.normalize("NFKC", text[:1])  # full-width signs are recognized too
    return f"'{text}" if first in tuple("=+-@") else text


def format_table(points: Sequence[Score]) -> str:
    """Formats the points of a class as a table for the console.

    >>> print(format_table([Score("ada", 10.0, 12.0, True), Score("grace", 2.5, 12.0, False, 7260.0, 1.0)]))
    student  points
    ada          10 of 12, manual grading pending
    grace       2.5 of 12, late by 2:01:00 (1 point subtracted)
    """
    students = [sanitize(p.student) for p in points]
    width = max(map(len, ["student", *students]))
    lines = [f"{'student':{width}}  points"]
    for student, p in zip(students, points, strict=True):
        lines.append(f"{student:{width}}  {p.score:>6g} of {p.max_score:g}{_remarks(p)}")
    return "\n".join(lines)


def lateness(p: Score) -> str:
    """Returns how late a submission was, and what that cost."""
    points = f"{p.penalty:g} {'point' if p.penalty == 1 else 'points'}" if p.penalty else "no points"
    return f"late by {datetime.timedelta(seconds=round(p.seconds_late))} ({points} subtracted)"


def _remarks(p: Score) -> str:
    """Returns what an instructor should know about a student's points."""
    remarks = ["manual grading pending"] if p.needs_manual_grade else []
    if p.seconds_late:
        remarks.append(lateness(p))
    if not p.submitted:
        remarks.append("no longer in submitted/")
    return "".join(f", {remark}" for remark in remarks)
