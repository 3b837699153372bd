"""An nbgrader course directory, and running nbgrader's steps in it."""

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
c.Execute.timeout = 120  # seconds per cell, if you run nbgrader's autograde command
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",  # students must not see hidden tests
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
"""

_log = logging.getLogger("cifarlab.nbgrader")
_log.propagate = False
_log.addHandler(logging.NullHandler())


class AssignmentError(UserError):
    """An invalid assignment or course directory."""


def load_config(course: Path, assignment: str, student: str) -> Config:
    """Loads nbgrader's settings for one step from the course's configuration file."""
    found = PyFileConfigLoader(SETTINGS_FILE, str(course)).load_config()
    found.CourseDirectory.root = str(course.resolve())
    found.CourseDirectory.assignment_id = assignment
    found.CourseDirectory.student_id = student
    return found


def run_converter(
    converter: type[BaseConverter], course: Path, assignment: str, student: str, more: Config | None = None
) -> None:
    """Runs one of nbgrader's steps for one student, replacing its earlier output.

    Raises:
        AssignmentError: nbgrader failed; the message ends with the first error in its log.
    """
    config = load_config(course, assignment, student)
    config.merge(more or Config())
    step = converter(coursedir=CourseDirectory(config=config), config=config, force=True, log=_log)
    with _nbgrader_environment(), _captured_errors() as reasons:
        try:
            step.start()
        except Exception as error:  # raised by nbgrader, or by other packages because of a student's file
            reason = reasons[0] if reasons else error
            raise AssignmentError(f"nbgrader failed for {student}: {reason}") from error


@contextlib.contextmanager
def _nbgrader_environment() -> Iterator[None]:
    """Puts nbgrader's environment on the path, as it calls a program there, and silences warnings of its queries."""
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
    """Collects the exceptions in nbgrader's log, one line each."""
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
    """Opens the course's gradebook, which contains points and comments.

    Raises:
        AssignmentError: the gradebook or the assignment does not exist.
    """
    if not (course / "gradebook.db").exists():
        raise AssignmentError(f"no gradebook in {course}. Run `cifarlab assignments release {assignment}` first.")
    url = CourseDirectory(config=load_config(course, assignment, "*")).db_url
    with _nbgrader_environment(), Gradebook(url) as opened:
        there = [known.name for known in opened.assignments]
        if assignment not in there:
            raise AssignmentError(f"no assignment {assignment!r} in {course}; found: {', '.join(there) or 'none'}.")
        yield opened
