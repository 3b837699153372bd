"""Feedback pages, each made within limits: nbconvert can take hours and gigabytes for a notebook of a few kilobytes."""

import multiprocessing
import signal
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from pathlib import Path

from nbgrader.converters import GenerateFeedback

from cifarlab.teaching.grading.nbgrader_course import AssignmentError, run_converter

SECONDS, MEMORY_MB, PAGE_MB = 60, 2000, 50
"""What making one page may take, and how large it may be; that of a whole solution takes a second or two and 1 MB."""


def write_pages(course: Path, assignment: str, students: Iterable[str]) -> list[str]:
    """Writes the students' pages in a process of its own; returns for each that could not be made, why, in words.

    Args:
        course: the course's folder.
        assignment: which is graded.
        students: whose pages.
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
                    refused.append(f"the page for {student} takes more than {SECONDS} s or {MEMORY_MB:,} MB to make")
                    break
    return refused


def _limit(memory_mb: int, page_mb: int) -> None:
    """Limits this process's memory and files."""
    import resource  # Windows has none; releases and reports are made there

    resource.setrlimit(resource.RLIMIT_DATA, (memory_mb * 1_000_000,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (page_mb * 1_000_000,) * 2)


def _write_one(course: Path, assignment: str, student: str, seconds: int) -> None:
    """Writes a page, or is ended by the system after so long, also within a regular expression."""
    signal.alarm(seconds)
    run_converter(GenerateFeedback, course, assignment, student)
    signal.alarm(0)
