"""An nbgrader course directory, and running nbgrader's steps in it. No other module imports nbgrader."""

import contextlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbgrader.api import Comment, Grade, Gradebook, MissingEntry, Notebook
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import determine_grade
from sqlalchemy.exc import DatabaseError, SAWarning
from traitlets.config import Config, PyFileConfigLoader

from cifarlab.teaching.grading.gradebook_file import (
    GRADEBOOK_FILE,
    AssignmentError,
    GradebookError,
    gradebook_problem,
)

SETTINGS_FILE = "nbgrader_config.py"
DEFAULT_SETTINGS = r"""c = get_config()  # nbgrader's settings for this course: https://nbgrader.readthedocs.io

c.ClearSolutions.text_stub = "*Your answer, in place of this line.*"
c.Execute.timeout = 120  # seconds per cell, if you run nbgrader's autograde command
c.GenerateFeedback.preprocessors = [
    "nbgrader.preprocessors.GetGrades",
    "nbgrader.preprocessors.ClearHiddenTests",  # students must not see hidden tests
    "nbconvert.preprocessors.CSSHTMLHeaderPreprocessor",
]
# No points after the due date; docs/instructors.md has a milder rule:
# c.LateSubmissionPlugin.penalty_method = "zero"

# The time zone in which the formgrader and `cifarlab assignments extend` show times:
# c.NbGraderAPI.timezone = "Europe/Berlin"

# For `nbgrader zip_collect`: the files to collect, and their names in an archive from Canvas, or from Moodle:
kinds = ".ipynb .zip .json .txt .py .md .Rmd .qmd .pdf .html .docx"
c.FileNameCollectorPlugin.valid_ext = kinds.split() + kinds.upper().split()
canvas = r".*/[^/_]+(?:_LATE)?_(?P<student_id>\d+)_\d+_(?P<file_id>.+?)(?:-\d+)?\.\w+$"
moodle = r".*/(?P<student_id>[^/]+)_\d+_assignsubmission_file(?:_?/|_)(?P<file_id>[^/].*)"
# c.FileNameCollectorPlugin.named_regexp = canvas
# c.FileNameCollectorPlugin.named_regexp = moodle
"""

_log = logging.getLogger("cifarlab.nbgrader")
_log.propagate = False
_log.addHandler(logging.NullHandler())


def load_config(course: Path, assignment: str, student: str) -> Config:
    """Loads nbgrader's settings for one step from the course's configuration file.

    Raises:
        AssignmentError: the course's path contains a question mark.
    """
    if "?" in str(course.resolve()):
        raise AssignmentError(
            f"the path of a course must not contain '?', which ends the gradebook's address; got {course}. Rename it."
        )
    found = PyFileConfigLoader(SETTINGS_FILE, str(course)).load_config()
    found.CourseDirectory.root = str(course.resolve())
    found.CourseDirectory.assignment_id = assignment
    found.CourseDirectory.student_id = student
    return found


def generate_assignment(course: Path, assignment: str) -> None:
    """Makes the notebook for students from the one in source/, and records its cells in the gradebook."""
    _run(_GenerateAssignment, course, assignment, ".", Config())


def autograde(course: Path, assignment: str, student: str, executed: str) -> None:
    """Grades a notebook by the outputs that it has already.

    Args:
        course: the course directory.
        assignment: the assignment's name.
        student: the student's name.
        executed: the directory with the executed notebook, STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb.
    """
    more = Config()
    more.CourseDirectory.submitted_directory = executed
    more.Autograde.sanitize_preprocessors = [
        f"nbgrader.preprocessors.{step}" for step in ("OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")
    ]
    more.Autograde.autograde_preprocessors = [
        f"nbgrader.preprocessors.{step}"
        for step in ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")
    ]
    _run(_Autograde, course, assignment, student, more)


def generate_feedback(course: Path, assignment: str, student: str, more: Config, facts: dict[str, Any]) -> None:
    """Writes a student's page.

    Args:
        course: the course directory.
        assignment: the assignment's name.
        student: the student's name.
        more: settings of the exporter, in addition to the course's.
        facts: what the page's template gets as `resources["cifarlab"]`.
    """
    _run(_GenerateFeedback, course, assignment, student, more, facts)


class _ExactNames(BaseConverter):
    """Finds one student's notebook by its exact name; nbgrader would read names as patterns and strip blanks."""

    student = "."
    facts: dict[str, Any] = {}  # noqa: RUF012 (it is replaced, never changed)

    def init_notebooks(self) -> None:
        """Finds the notebook; nothing else is searched."""
        folder = self._format_source(self.coursedir.assignment_id, self.student)
        self.assignments = {folder: [os.path.join(folder, f"{self.coursedir.assignment_id}.ipynb")]}
        self.notebooks: list[str] = []

    def _format_source(self, assignment_id: str, student_id: str, escape: bool = False) -> str:
        step = re.escape(self._input_directory) if escape else self._input_directory
        return self.coursedir.format_path(step, student_id, assignment_id, escape=escape)

    def init_single_notebook_resources(self, notebook_filename: str) -> dict[str, Any]:
        return {**super().init_single_notebook_resources(notebook_filename), "cifarlab": dict(self.facts)}


class _GenerateAssignment(_ExactNames, GenerateAssignment):
    pass


class _Autograde(_ExactNames, Autograde):
    pass


class _GenerateFeedback(_ExactNames, GenerateFeedback):
    def init_assignment(self, assignment_id: str, student_id: str) -> None:
        """Copies nothing: a page needs no other file, and students need none of the instructor's."""


def _run(
    converter: type[_ExactNames],
    course: Path,
    assignment: str,
    student: str,
    more: Config,
    facts: dict[str, Any] | None = None,
) -> None:
    """Runs one of nbgrader's steps for one student, replacing its earlier output.

    Raises:
        GradebookError: the gradebook is locked or damaged.
        AssignmentError: nbgrader failed; the message ends with the first error in its log.
    """
    config = load_config(course, assignment, student)
    config.merge(more)
    step = converter(coursedir=CourseDirectory(config=config), config=config, force=True, log=_log)
    step.student, step.facts = student, facts or {}
    with _nbgrader_environment(), _captured_errors() as logged:
        try:
            step.start()
        except Exception as error:  # raised by nbgrader, or by other packages because of a student's file
            text = f"{error!r} {error.__cause__!r} {error.__context__!r} {' '.join(logged)}"
            if problem := gradebook_problem(text, course):
                raise GradebookError(problem) from error
            reason = logged[0] if logged else error
            raise AssignmentError(f"nbgrader failed for {student}: {reason}") from error


def keep_private(course: Path) -> None:
    """Lets only the owner (with nbgrader's `groupshared`, also the group) read what contains the key."""
    shared = CourseDirectory(config=load_config(course, "", "*")).groupshared
    for step in ("source", "autograded"):
        (course / step).mkdir(exist_ok=True)
        (course / step).chmod(0o2770 if shared else 0o700)
    (course / GRADEBOOK_FILE).chmod(0o660 if shared else 0o600)


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
            lines = record.getMessage().strip().splitlines()
            if lines and lines[0].startswith("Traceback"):
                told = [line for line in lines[1:] if line[:1].isalpha()]  # not SQLAlchemy's remarks in parentheses
                reasons.append((told or lines)[-1])

    keeper = Keeper(logging.ERROR)
    _log.addHandler(keeper)
    try:
        yield reasons
    finally:
        _log.removeHandler(keeper)


def points_of(cell: NotebookNode) -> tuple[float | None, float]:
    """Returns the points of an executed cell that gives some, and its maximum; None for points to be given manually."""
    return determine_grade(cell, _log)


@contextlib.contextmanager
def gradebook(course: Path, assignment: str | None) -> Iterator[Gradebook]:
    """Opens the course's gradebook, which contains points and comments.

    Args:
        course: the course directory.
        assignment: the name of an assignment that must be in it; None for any.

    Raises:
        AssignmentError: the gradebook or the assignment does not exist; or the gradebook is locked or damaged.
    """
    if not (course / GRADEBOOK_FILE).exists():
        name = assignment or "NAME"
        raise AssignmentError(f"no gradebook in {course}. Run `cifarlab assignments release {name}` first.")
    try:
        with _nbgrader_environment(), Gradebook(_address(course, assignment or "")) as opened:
            there = [known.name for known in opened.assignments]
            if assignment is not None and assignment not in there:
                raise AssignmentError(f"no assignment {assignment!r} in {course}; found: {', '.join(there) or 'none'}.")
            yield opened
    except DatabaseError as error:
        raise GradebookError(gradebook_problem(str(error), course) or f"{course / GRADEBOOK_FILE}: {error}") from error


def _address(course: Path, assignment: str) -> str:
    """Returns the gradebook's address for SQLAlchemy."""
    return CourseDirectory(config=load_config(course, assignment, "*")).db_url


def recorded_submission(book: Gradebook, assignment: str, student: str) -> Any:
    """Returns a student's submission in the gradebook, or None."""
    try:
        return book.find_submission(assignment, student)
    except MissingEntry:
        return None


def recorded_students(course: Path, assignment: str) -> set[str]:
    """Returns the students whose submissions of an assignment are in the gradebook."""
    with gradebook(course, assignment) as book:
        return {submission.student.id for submission in book.assignment_submissions(assignment)}


def forget_timestamp(course: Path, assignment: str, student: str) -> None:
    """Removes the time of a submission from the gradebook; nbgrader would keep that of an earlier submission."""
    with gradebook(course, assignment) as book:
        submission = recorded_submission(book, assignment, student)
        if submission is not None and submission.timestamp is not None:
            submission.timestamp = None
            book.db.commit()


def record_changed_cells(course: Path, assignment: str, source: NotebookNode) -> None:
    """Adds and removes graded cells of an assignment that has submissions; nbgrader alone would refuse to release it.

    Args:
        course: the course directory.
        assignment: the assignment's name.
        source: the new notebook with hidden tests.

    Raises:
        AssignmentError: a removed cell has points or comments that were given by hand.
    """
    named = [cell for cell in source.cells if "nbgrader" in cell.metadata]
    new = {
        cell.metadata.nbgrader.grade_id: cell
        for cell in named
        if any(cell.metadata.nbgrader.get(kind) for kind in ("grade", "solution", "locked", "task"))
    }
    with _nbgrader_environment(), Gradebook(_address(course, assignment)) as book:
        try:
            recorded = book.find_notebook(assignment, assignment)
        except MissingEntry:
            return
        if not recorded.submissions:
            return
        _remove_cells(book, recorded, set(new))
        there = {cell.name for cell in recorded.source_cells}
        for name in [name for name in new if name not in there]:
            _add_cell(book, recorded, new[name])
        book.db.commit()


def _remove_cells(book: Gradebook, recorded: Notebook, kept: set[str]) -> None:
    """Removes cells from the gradebook that the assignment no longer has."""
    for cell in [cell for cell in recorded._base_cells if cell.name not in kept]:
        by_hand = [grade for grade in cell.grades if grade.manual_score is not None]
        by_hand += [comment for comment in cell.comments if comment.manual_comment]
        if by_hand:
            raise AssignmentError(
                f"the cell {cell.name} is no longer in the assignment, but you gave points or comments for it by hand "
                f"({len(by_hand)}). Keep the cell, or remove these points and comments in nbgrader's formgrader."
            )
        for each in [*cell.grades, *cell.comments, cell]:
            book.db.delete(each)
    for source in [source for source in recorded.source_cells if source.name not in kept]:
        book.db.delete(source)
    book.db.commit()


def _add_cell(book: Gradebook, recorded: Notebook, cell: NotebookNode) -> None:
    """Adds a cell to the gradebook, with an empty grade for each submission."""
    known, where = cell.metadata.nbgrader, (recorded.name, recorded.assignment.name)
    book.add_source_cell(known.grade_id, *where, cell_type=cell.cell_type, source=cell.source, locked=known.locked)
    if known.get("solution"):
        added = book.add_solution_cell(known.grade_id, *where)
        for submission in recorded.submissions:
            book.db.add(Comment(cell_id=added.id, notebook_id=submission.id))
    if known.get("grade"):
        points = float(known.points)
        added = book.add_grade_cell(known.grade_id, *where, max_score=points, cell_type=cell.cell_type)
        for submission in recorded.submissions:
            book.db.add(Grade(cell_id=added.id, notebook_id=submission.id, needs_manual_grade=False))
