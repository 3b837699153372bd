"""Releases an assignment: it succeeds, or leaves the course as it was.

It is tried in a copy of the course first. If it is interrupted after that, the notebooks are put back; the gradebook
may have the new cells already, which releasing again completes.
"""

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading import assistants, gradebook_file, nbgrader_course, private_tests, versions
from cifarlab.teaching.grading.gradebook_file import AssignmentError
from cifarlab.teaching.grading.nbgrader_course import DEFAULT_SETTINGS, SETTINGS_FILE
from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS

PUBLIC_KEY = 'key="public"'
"""The placeholder in a solution that is replaced with the instructor's key."""
KEY_FILE = "key.txt"


def release(
    name: str,
    course: str | os.PathLike,
    *,
    solutions: str | os.PathLike = "solutions",
    key: str | None = None,
    extra_tests: str | os.PathLike | None = None,
    drop_extra_tests: bool = False,
    say: Callable[[str], object] = lambda line: None,
) -> Path:
    """Creates an assignment from a solution; returns the path of the notebook for students.

    An assignment that was released before is replaced. What was graded before is graded again by the next `grade` if a
    test or the key has changed.

    Args:
        name: the exercise's name, such as "01_softmax".
        course: the course directory, which is created if it does not exist.
        solutions: the directory of the solutions.
        key: the key from which hidden tests draw their numbers; by default the course's, drawn at its first release.
        extra_tests: a directory with your private tests, `extra_tests/NAME/*.py`. Each file becomes a hidden test at
            the end, with the number of points that its first line states: `# points: 2`. By default, the assignment
            keeps those it has.
        drop_extra_tests: whether to release the assignment without the private tests that it has.
        say: called with a line about each thing that an instructor should know.

    Raises:
        AssignmentError: the solution does not exist; the key or a test is invalid; or nbgrader refused. Then nothing
            has changed.
    """
    course = as_path(course)
    gradebook_file.check_gradebook(course)
    given, source = _key(course, key), _solution(solutions, name)
    for cell in source.cells:
        if HIDDEN_TESTS in cell.source:
            cell.source = cell.source.replace(PUBLIC_KEY, f'key="{given}"')
    before = private_tests.kept_tests(course / "source" / name / f"{name}.ipynb")
    kept = before if extra_tests is None and not drop_extra_tests else []
    source.cells += kept if extra_tests is None else private_tests.read_tests(extra_tests, name, before)
    private_tests.state_points(source)
    _try(course, name, source)
    if extra_tests is not None:
        private_tests.try_tests(source)
    with _restored_on_error(course, name):
        _write(course, name, source)
    _save_key(course, given, say)
    if kept:
        names = ", ".join(map(private_tests.file_name, kept))
        say(f"kept your private tests: {names}. To release without them, pass --drop-extra-tests.")
    if note := versions.stale_note(course, name, source):
        say(note)
    return course / "release" / name / f"{name}.ipynb"


def stale_note(course: Path, name: str, student: str | None = None) -> str:
    """Returns a line about submissions (of one student) that were graded with other tests than the released ones."""
    path = course / "source" / name / f"{name}.ipynb"
    return versions.stale_note(course, name, nbformat.read(path, as_version=4), student) if path.is_file() else ""


def load_assignment(course: Path, name: str) -> tuple[NotebookNode, NotebookNode]:
    """Returns the notebook that students received, and the one with hidden tests.

    Raises:
        AssignmentError: the assignment was not released in this course.
    """
    paths = [course / step / name / f"{name}.ipynb" for step in ("release", "source")]
    for path in paths:
        if not path.is_file():
            raise AssignmentError(f"{path} does not exist. Run `cifarlab assignments release {name}` first.")
    release, source = (nbformat.read(path, as_version=4) for path in paths)
    return release, source


def _solution(solutions: str | os.PathLike, name: str) -> NotebookNode:
    """Reads an exercise's solution."""
    path = as_path(solutions) / f"{name}.ipynb"
    if "+" in name:
        raise AssignmentError(f"an assignment's name must not contain '+', which nbgrader reserves; got {name}.")
    if not path.is_file():
        there = ", ".join(other.stem for other in entries(path.parent) if other.suffix == ".ipynb") or "none"
        raise AssignmentError(
            f"no solution {path}; found: {there}. Run this in the cifarlab repository, or pass --solutions."
        )
    return nbformat.read(path, as_version=4)


def _key(course: Path, given: str | None) -> str:
    """Returns the course's key; at the first release it is drawn, unless it is passed."""
    path = course / KEY_FILE
    if given is None:
        given = path.read_text(encoding="utf-8").strip() if path.exists() else secrets.token_hex(8)
    if not re.fullmatch(r"[\w.-]{16,100}", given, re.ASCII):  # a shorter one could be found by brute force
        raise AssignmentError(
            f"key must be 16 to 100 letters (a to z), digits, dots, dashes or underscores; got {len(given)} "
            "characters. Leave out --key, and one is drawn."
        )
    return given


def _save_key(course: Path, key: str, say: Callable[[str], object]) -> None:
    """Writes the key; names the assignments that were released with another one."""
    path = course / KEY_FILE
    if path.exists() and path.read_text(encoding="utf-8").strip() != key:
        others = [folder.name for folder in entries(course / "source") if _has_other_key(folder, key)]
        if others:
            say(f"released with the old key: {', '.join(others)}. Release them again if they should use the new one.")
    path.write_text(key + "\n", encoding="utf-8")
    path.chmod(0o600)


def _has_other_key(folder: Path, key: str) -> bool:
    with contextlib.suppress(OSError):
        text = (folder / f"{folder.name}.ipynb").read_text(encoding="utf-8")
        return HIDDEN_TESTS in text and f'key=\\"{key}\\"' not in text
    return False


def _write(course: Path, name: str, source: NotebookNode) -> None:
    """Writes the assignment's source and release notebooks, and its cells into the gradebook."""
    (course / "source" / name).mkdir(parents=True, exist_ok=True)
    if not (course / SETTINGS_FILE).exists():
        (course / SETTINGS_FILE).write_text(DEFAULT_SETTINGS, encoding="utf-8")
    nbformat.write(source, course / "source" / name / f"{name}.ipynb")
    nbgrader_course.record_changed_cells(course, name, source)
    nbgrader_course.generate_assignment(course, name)
    assistants.write_files(course / "release" / name, name)
    nbgrader_course.keep_private(course)


def _try(course: Path, name: str, source: NotebookNode) -> None:
    """Releases in a copy of the course, so that an error changes nothing.

    Raises:
        AssignmentError: nbgrader refused.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "course"
        copy.mkdir()
        if (course / "source").is_dir():
            shutil.copytree(course / "source", copy / "source")
        if (course / SETTINGS_FILE).exists():
            shutil.copy(course / SETTINGS_FILE, copy)
        gradebook_file.copy_gradebook(course, copy)
        _write(copy, name, source)
        if not (course / gradebook_file.GRADEBOOK_FILE).exists():  # making one takes seconds
            course.mkdir(parents=True, exist_ok=True)
            gradebook_file.copy_gradebook(copy, course)


@contextlib.contextmanager
def _restored_on_error(course: Path, name: str) -> Iterator[None]:
    """Puts the assignment's directories back if an error occurs."""
    folders = [course / step / name for step in ("source", "release")]
    with tempfile.TemporaryDirectory() as kept:
        for folder in filter(Path.is_dir, folders):
            shutil.copytree(folder, Path(kept) / folder.parent.name)
        try:
            yield
        except BaseException:
            for folder in folders:
                shutil.rmtree(folder, ignore_errors=True)
                if (Path(kept) / folder.parent.name).is_dir():
                    shutil.copytree(Path(kept) / folder.parent.name, folder)
            raise
