"""A course's folder, which is nbgrader's own, and nbgrader's steps carried out in it."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.converters import BaseConverter
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SAWarning
from traitlets.config import Config, PyFileConfigLoader

from cifarlab.errors import UserError

SETTINGS_FILE = "nbgrader_config.py"
DEFAULT_SETTINGS = """c = get_config()  # nbgrader's settings for this course: https://nbgrader.readthedocs.io

c.ClearSolutions.text_stub = "*Your answer, in place of this line.*"
c.Execute.timeout = 120  # seconds of a cell, where nbgrader's own autograde is used
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",  # what students read holds no hidden test
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
"""

_log = logging.getLogger("cifarlab.nbgrader")
_log.propagate = False
_log.addHandler(logging.NullHandler())


class AssignmentError(UserError):
    """An assignment or a course's folder is not as it should be."""


def load_config(course: Path, assignment: str, student: str) -> Config:
    """nbgrader's settings for one step, from the course's own file."""
    found = PyFileConfigLoader(SETTINGS_FILE, str(course)).load_config()
    found.CourseDirectory.root = str(course.resolve())
    found.CourseDirectory.assignment_id = assignment
    found.CourseDirectory.student_id = student
    return found


def run_converter(
    converter: type[BaseConverter], course: Path, assignment: str, student: str, more: Config | None = None
) -> None:
    """Carries out one of nbgrader's steps for one student; what it wrote before is replaced.

    Raises:
        AssignmentError: nbgrader refuses; the message ends with the first error in its log.
    """
    config = load_config(course, assignment, student)
    config.merge(more or Config())
    step = converter(coursedir=CourseDirectory(config=config), config=config, force=True, log=_log)
    with _nbgrader_environment(), _captured_errors() as reasons:
        try:
            step.start()
        except Exception as error:  # nbgrader's own, and what a student's file makes others raise
            reason = reasons[0] if reasons else error
            raise AssignmentError(f"nbgrader could not do it for {student}: {reason}") from error


@contextlib.contextmanager
def _nbgrader_environment() -> Iterator[None]:
    """nbgrader calls a program of its own environment, which may not be on the path, and warns of its own queries."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{before}"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)
            yield
    finally:
        os.environ["PATH"] = before


@contextlib.contextmanager
def _captured_errors() -> Iterator[list[str]]:
    """The exceptions that nbgrader's log tells of, a line each."""
    reasons: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            text = record.getMessage().strip()
            if text.startswith("Traceback"):
                reasons.append(text.splitlines()[-1])

    keeper = Keeper(logging.ERROR)
    _log.addHandler(keeper)
    try:
        yield reasons
    finally:
        _log.removeHandler(keeper)


@contextlib.contextmanager
def gradebook(course: Path, assignment: str) -> Iterator[Gradebook]:
    """The course's points and comments.

    Raises:
        AssignmentError: there is no such assignment in it.
    """
    if not (course / "gradebook.db").exists():
        raise AssignmentError(f"no gradebook in {course}: run `cifarlab assignments release {assignment}` first.")
    url = CourseDirectory(config=load_config(course, assignment, "*")).db_url
    with _nbgrader_environment(), Gradebook(url) as opened:
        there = [known.name for known in opened.assignments]
        if assignment not in there:
            raise AssignmentError(f"no assignment {assignment!r} in {course}; there are: {', '.join(there) or 'none'}.")
        yield opened
