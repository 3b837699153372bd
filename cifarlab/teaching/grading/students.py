"""One student: points and advice in all assignments, and more time for one of them."""

import datetime
import difflib
import math
import os
import shlex
import textwrap
from pathlib import Path
from typing import Any, NamedTuple

from cifarlab.files import as_path, entries
from cifarlab.teaching.checks import catalog
from cifarlab.teaching.grading import timestamps
from cifarlab.teaching.grading.advice import ids_in
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.nbgrader_course import gradebook, load_config
from cifarlab.teaching.grading.scores import Score, is_graded, remarks, score_of
from cifarlab.text import sanitize

WIDTH = 100
"""The width of the text, in characters."""
MAX_HOURS = 10_000
"""The largest extension: more than a year, which is probably a mistake."""


class AssignmentResult(NamedTuple):
    """A student's result in an assignment.

    Attributes:
        name: the assignment's name.
        score: the points; None if nothing is graded.
        extension: the additional time that the student was given.
        advice: the ids of the advice that the student received, in the order of the tasks.
    """

    name: str
    score: Score | None
    extension: datetime.timedelta | None
    advice: list[str]


def results_of(student: str, course: str | os.PathLike) -> list[AssignmentResult]:
    """Returns a student's results in all released assignments, sorted by name.

    Raises:
        AssignmentError: there is no gradebook, or it does not contain the student.
    """
    with gradebook(as_path(course), None) as book:
        known = [each.id for each in book.students]
        if student not in known:
            raise AssignmentError(_unknown(student, known, "the gradebook"))
        submissions = {each.assignment.name: each for each in book.student_submissions(student)}
        names = sorted(assignment.name for assignment in book.assignments)
        return [_result(name, submissions.get(name)) for name in names]


def _result(name: str, submission: Any) -> AssignmentResult:
    if submission is None or not is_graded(submission):
        return AssignmentResult(name, None, submission.extension if submission else None, [])
    comments = [comment.auto_comment for notebook in submission.notebooks for comment in notebook.comments]
    ids = [each for comment in comments for each in ids_in(comment)]
    return AssignmentResult(name, score_of(submission), submission.extension, ids)


def format_results(results: list[AssignmentResult]) -> str:
    """Formats a student's results as a table for the console.

    >>> print(format_results([AssignmentResult("01_softmax", Score("ada", 9.0, 12.0, True), None, ["softmax.overflow"]),
    ...     AssignmentResult("02_locally_connected", None, datetime.timedelta(hours=24), [])]))
    assignment            points
    01_softmax                 9 of 12, manual grading pending
      softmax.overflow
        correct for small logits, but large ones break it: exp(1000) is infinite, and exp(-1000) is 0.
        See hint 2.
    02_locally_connected  not graded, 24 more hours
    """
    width = max(len("assignment"), *(len(sanitize(result.name)) for result in results))
    lines = [f"{'assignment':{width}}  points"]
    for result in results:
        score = result.score
        text = f"{score.score:>6g} of {score.max_score:g}" if score else "not graded"
        text += remarks(score) if score else ""
        text += f", {result.extension / datetime.timedelta(hours=1):g} more hours" if result.extension else ""
        lines.append(f"{sanitize(result.name):{width}}  {text}")
        for each in result.advice:
            lines.append(f"  {sanitize(each)}")
            words = sanitize(catalog.words_of(each))
            lines += textwrap.wrap(words, WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 4)
    return "\n".join(lines)


def extend(student: str, name: str, course: str | os.PathLike, hours: float) -> str:
    """Gives a student more time for an assignment; an earlier extension is replaced.

    Args:
        student: the student's name, as in `submitted/STUDENT`.
        name: the assignment's name.
        course: the course directory.
        hours: hours after the assignment's due date; 0 removes an extension.

    Returns:
        A line that says when the assignment is due for this student.

    Raises:
        AssignmentError: the hours are not a number from 0 to `MAX_HOURS`, the assignment has no due date, or there
            is no student of this name.
    """
    course = as_path(course)
    if not (math.isfinite(hours) and 0 <= hours <= MAX_HOURS):
        raise AssignmentError(f"--hours must be a number from 0 to {MAX_HOURS:,}; got {hours:g}.")
    with gradebook(course, name) as book:
        if book.find_assignment(name).duedate is None:
            raise AssignmentError(
                f"{name} must have a due date to be extended; it has none. Set it in {course}: nbgrader db assignment "
                f"add {name} --duedate '2027-01-31 18:00 UTC'"
            )
        known = {each.id for each in book.students}
        folders = {path.name for path in entries(course / "submitted") if path.is_dir()}
        if student not in known | folders:
            raise AssignmentError(
                f"{_unknown(student, sorted(known | folders), 'the gradebook or in submitted/')} Add a new student in "
                f"{course}: nbgrader db student add {shlex.quote(student)}"
            )
        book.update_or_create_student(student)
        book.update_or_create_submission(name, student)
        book.grant_extension(name, student, hours=hours)
        submission = book.find_submission(name, student)
        zone = load_config(course, name, "*").NbGraderAPI.get("timezone", "")
        due = f"{sanitize(student)}: {name} is due at {timestamps.format_due(submission.duedate, zone)}."
        return f"{due}{_regrade(student, name, course) if is_graded(submission) else ''}"


def _regrade(student: str, name: str, course: Path) -> str:
    """Returns the advice to grade a submission again, whose late penalty was computed before."""
    return (
        " The graded submission keeps its late penalty until you run: cifarlab assignments grade "
        f"{name} --course {shlex.quote(str(course))} --student {shlex.quote(sanitize(student))} --regrade"
    )


def _unknown(student: str, known: list[str], where: str) -> str:
    near = difflib.get_close_matches(student, known)
    hint = f"Did you mean {', '.join(map(sanitize, near))}?" if near else f"{len(known)} others are there."
    return f"STUDENT must be a name in {where}; got {sanitize(student)}. {hint}"
