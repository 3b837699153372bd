"""The points of a class, for the console and for learning platforms, from nbgrader's gradebook."""

import csv
import math
import os
import unicodedata
from collections.abc import Sequence
from typing import Any, NamedTuple

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading.intake import is_empty, student_directories
from cifarlab.teaching.grading.nbgrader_course import gradebook
from cifarlab.text import counted, sanitize

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


class Unscored(NamedTuple):
    """A student without points in an assignment.

    Attributes:
        student: the name in the gradebook, or of the directory in submitted/.
        status: "no submission" or "not graded yet".
        remark: what an instructor should know about it, or "".
    """

    student: str
    status: str
    remark: str = ""


def list_scores(name: str, course: str | os.PathLike) -> list[Score]:
    """Returns the points of all submissions of an assignment, sorted by student, with late penalties subtracted.

    Raises:
        AssignmentError: the course's gradebook does not contain this assignment.
    """
    course = as_path(course)
    there = {folder.name for folder in entries(course / "submitted")}
    with gradebook(course, name) as book:
        graded = filter(is_graded, book.assignment_submissions(name))
        return sorted(score_of(each, submitted=each.student.id in there or not there) for each in graded)


def score_of(submission: Any, *, submitted: bool = True) -> Score:
    """Returns the points of a graded submission of nbgrader's, with the late penalty subtracted."""
    penalty = submission.late_submission_penalty or 0.0
    return Score(
        submission.student.id,
        max(0.0, submission.score - penalty),
        submission.max_score,
        submission.needs_manual_grade,
        submission.total_seconds_late if submission.assignment.duedate else 0.0,
        penalty,
        submitted,
    )


def list_unscored(name: str, course: str | os.PathLike) -> list[Unscored]:
    """Returns the students in the gradebook or in submitted/ who have no points in an assignment, sorted by student.

    Raises:
        AssignmentError: the course's gradebook does not contain this assignment.
    """
    course = as_path(course)
    with gradebook(course, name) as book:
        known = {student.id for student in book.students}
        graded = {each.student.id for each in book.assignment_submissions(name) if is_graded(each)}
        assignments = {assignment.name for assignment in book.assignments}
    folders = {folder.name: folder for folder in student_directories(course / "submitted", assignments)}
    found = []
    for student in sorted((known | {*folders}) - graded):
        folder = folders.get(student, course / "submitted" / student)
        if not is_empty(folder / name):
            found.append(Unscored(student, "not graded yet"))
            continue
        empty = next((path for path in (folder, folder / name) if path.is_dir() and is_empty(path)), None)
        remark = f"submitted/{empty.relative_to(course / 'submitted')} is empty" if empty else ""
        found.append(Unscored(student, "no submission", remark))
    return found


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
        rows = []
        for each in list_unscored(name, course):
            row = [each.student, names.get(each.student, each.student), "", f"{most:g}", each.status, "", ""]
            rows.append([*row, *("" for _ in columns)])
        for p in points:
            status = "provisional" if p.needs_manual_grade else "final"
            row = [p.student, names[p.student], f"{p.score:g}", f"{most:g}", status, f"{p.seconds_late / 60:.0f}"]
            rows.append([*row, f"{p.penalty:g}", *(tasks[p.student].get(task, "") for task in columns)])
        rows.sort()
        rows.insert(0, ["student", "name", "points", "of", "status", "minutes late", "penalty", *columns])
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


def format_table(points: Sequence[Score], unscored: Sequence[Unscored] = ()) -> str:
    """Formats the points of a class as a table for the console; students without points are at its end.

    >>> print(format_table([Score("ada", 10.0, 12.0, True), Score("grace", 2.5, 12.0, False, 7260.0, 1.0)],
    ...     [Unscored("emil", "no submission")]))
    student  points
    ada          10 of 12, manual grading pending
    grace       2.5 of 12, late by 2 h 1 min (1 point subtracted)
    emil     no submission
    """
    students = [*(p.student for p in points), *(each.student for each in unscored)]
    width = max(map(len, ["student", *map(sanitize, students)]))
    lines = [f"{'student':{width}}  points"]
    lines += [f"{sanitize(p.student):{width}}  {p.score:>6g} of {p.max_score:g}{remarks(p)}" for p in points]
    for each in unscored:
        words = ", ".join(filter(None, [each.status, each.remark]))
        lines.append(f"{sanitize(each.student):{width}}  {sanitize(words)}")
    return "\n".join(lines)


def duration(seconds: float) -> str:
    """Returns a time in days, hours and minutes, in whole minutes from one minute on.

    >>> [duration(seconds) for seconds in (0.2, 59, 60, 3600, 50_760, 2 * 86_400 + 359)]
    ['1 s', '59 s', '1 min', '1 h', '14 h 6 min', '2 days 5 min']
    """
    if seconds <= 59:
        return f"{math.ceil(seconds)} s"
    hours, minutes = divmod(int(max(seconds, 60)) // 60, 60)
    days, hours = divmod(hours, 24)
    parts = [counted(days, "day") if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(filter(None, parts))


def lateness(p: Score) -> str:
    """Returns how late a submission was, and what that cost; "" if it was in time and cost nothing."""
    points = f"{p.penalty:g} {'point' if p.penalty == 1 else 'points'}"
    if p.seconds_late:
        return f"late by {duration(p.seconds_late)} ({points if p.penalty else 'no points'} subtracted)"
    return f"{points} subtracted for lateness before the due date was changed" if p.penalty else ""


def remarks(p: Score) -> str:
    """Returns what an instructor should know about a student's points."""
    found = ["manual grading pending"] if p.needs_manual_grade else []
    if late := lateness(p):
        found.append(late if p.seconds_late else f"{late}: grade it again with --regrade")
    if not p.submitted:
        found.append("no longer in submitted/")
    return "".join(f", {remark}" for remark in found)
