"""Feedback pages, written with resource limits: nbconvert can take hours and gigabytes for a small notebook."""

import multiprocessing
import signal
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path

from nbgrader.converters import GenerateFeedback

from cifarlab.teaching.grading.nbgrader_course import AssignmentError, run_converter

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
    run_converter(GenerateFeedback, course, assignment, student)
    signal.alarm(0)
