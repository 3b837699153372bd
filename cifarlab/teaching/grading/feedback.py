"""Feedback pages, written with resource limits: nbconvert can take hours and gigabytes for a small notebook."""

import multiprocessing
import signal
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from cifarlab.teaching.grading import feedback_page, nbgrader_course, scores
from cifarlab.teaching.grading.gradebook_file import AssignmentError

SECONDS, MEMORY_MB, PAGE_MB = 60, 2000, 50
"""Time and memory limits for writing a page, and its maximum size. A solution's page takes 1 to 2 s and 1 MB."""


def write_pages(course: Path, assignment: str, students: Iterable[str]) -> list[str]:
    """Writes the students' pages in a separate process; returns an error message for each page that failed.

    Args:
        course: the course directory.
        assignment: the name of the graded assignment.
        students: the students whose pages are written.
    """
    refused, waiting = [], list(students)
    while waiting:
        spawn, limits = multiprocessing.get_context("spawn"), (MEMORY_MB, PAGE_MB)
        with ProcessPoolExecutor(1, spawn, _limit, limits) as process:
            while waiting:
                student = waiting.pop(0)
                try:
                    process.submit(_write_one, course, assignment, student, SECONDS).result()
                except AssignmentError as error:
                    refused.append(str(error))
                except BrokenExecutor:
                    refused.append(f"the page for {student} takes more than {SECONDS} s or {MEMORY_MB:,} MB to write")
                    break
    return refused


def _limit(memory_mb: int, page_mb: int) -> None:
    """Limits this process's memory and files."""
    import resource  # not available on Windows, where assignments can still be released and points be reported

    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 1_000_000,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (page_mb * 1_000_000,) * 2)


def _write_one(course: Path, assignment: str, student: str, seconds: int) -> None:
    """Writes a page; the system kills the process after the timeout, even inside a regular expression."""
    signal.alarm(seconds)
    more = Config()
    more.GenerateFeedback.exporter_class = feedback_page.FeedbackExporter
    nbgrader_course.generate_feedback(course, assignment, student, more, _facts(course, assignment, student))
    signal.alarm(0)


def _facts(course: Path, assignment: str, student: str) -> dict[str, Any]:
    """Returns what a page shows beyond the graded notebook: what waits to be graded, lateness, the original texts."""
    with nbgrader_course.gradebook(course, assignment) as book:
        submission = nbgrader_course.recorded_submission(book, assignment, student)
        grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
        pending = [grade.cell.name for grade in grades if grade.needs_manual_grade]
    late = [_late(score) for score in scores.list_scores(assignment, course) if score.student == student]
    released = nbformat.read(course / "release" / assignment / f"{assignment}.ipynb", as_version=4)
    return {
        "pending": pending,
        "late": " ".join(late),
        "released": {
            feedback_page.comparable(cell.source): cell.source
            for cell in released.cells
            if cell.cell_type == "markdown" and not cell.metadata.get("nbgrader", {}).get("solution")
        },
    }


def _late(score: scores.Score) -> str:
    words = scores.lateness(score)
    return f"{'Submitted ' if score.seconds_late else ''}{words}." if words else ""
