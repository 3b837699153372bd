"""Releases and grades assignments and writes feedback, by running nbgrader in a course directory.

It is an ordinary nbgrader course directory, so nbgrader's commands and its formgrader work in it too::

    nbgrader_config.py  settings for nbgrader and for cifarlab; you can change them
    key.txt             the key from which hidden tests draw their numbers; keep it secret
    gradebook.db        points and comments
    source/             assignments with hidden tests      release/     notebooks for students
    submitted/          STUDENT/ASSIGNMENT/*.ipynb, put there by you or by nbgrader's collect commands
    autograded/         executed and graded                feedback/    a page for each student
"""

import concurrent.futures
import hashlib
import multiprocessing
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
from nbgrader.converters import Autograde, GenerateAssignment
from traitlets.config import Config

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading import feedback as feedback_pages
from cifarlab.teaching.grading import review, scores
from cifarlab.teaching.grading.intake import find_submission
from cifarlab.teaching.grading.nbgrader_course import DEFAULT_SETTINGS, SETTINGS_FILE, AssignmentError, run_converter
from cifarlab.teaching.grading.submissions import repair_submission
from cifarlab.teaching.sandbox.execution import execute_notebook, mark_not_run
from cifarlab.teaching.sandbox.limits import Limits
from cifarlab.teaching.sandbox.nbgrader_cells import HIDDEN_TESTS, PRIVATE_PREFIX, prepare_tests

PUBLIC_KEY = 'key="public"'
"""The placeholder in a solution that is replaced with the instructor's key."""


def release(
    name: str,
    course: str | os.PathLike,
    *,
    solutions: str | os.PathLike = "solutions",
    key: str | None = None,
    extra_tests: str | os.PathLike | None = None,
) -> Path:
    """Creates an assignment from a solution; returns the path of the notebook for students.

    Args:
        name: the exercise's name, such as "01_softmax".
        course: the course directory, which is created if it does not exist.
        solutions: the directory of the solutions.
        key: the key from which hidden tests draw their numbers; by default the course's, drawn at its first release.
        extra_tests: a directory with your private tests, `extra_tests/NAME/*.py`. Each file becomes a hidden test at
            the end, with the number of points that its first line states: `# points: 2`.

    Raises:
        AssignmentError: the solution does not exist, or the key or a test is invalid.
    """
    course, path = as_path(course), as_path(solutions) / f"{name}.ipynb"
    if not path.is_file():
        there = ", ".join(other.stem for other in entries(path.parent) if other.suffix == ".ipynb") or "none"
        raise AssignmentError(
            f"no solution {path}; found: {there}. Run this in the cifarlab repository, or pass --solutions."
        )
    source = nbformat.read(path, as_version=4)
    (course / "source" / name).mkdir(parents=True, exist_ok=True)
    key = _key(course, key)
    for cell in source.cells:
        if HIDDEN_TESTS in cell.source:
            cell.source = cell.source.replace(PUBLIC_KEY, f'key="{key}"')
    source.cells += _private_tests(extra_tests, name)
    nbformat.write(source, course / "source" / name / path.name)
    run_converter(GenerateAssignment, course, name, ".")
    return course / "release" / name / path.name


def grade(
    name: str,
    course: str | os.PathLike,
    *,
    executor: concurrent.futures.Executor | None = None,
    limits: Limits | None = None,
    regrade: bool = False,
    on_graded: Callable[[str], object] = lambda student: None,
) -> list[scores.Score]:
    """Grades the submissions of an assignment that are new or have changed since they were graded.

    Args:
        name: the assignment's name.
        course: the course directory.
        executor: executes several notebooks at once; by default they are executed here, one after another.
        limits: resource limits of each notebook.
        regrade: whether to grade all submissions, including those already graded.
        on_graded: called with a student's name after each graded notebook, which stays graded if a later one fails.

    Raises:
        AssignmentError: the assignment was not released in this course; nothing was submitted; or nbgrader failed for
            some submissions, which are named; the others are graded.
    """
    course, limits, refused = as_path(course), limits or Limits(), []
    originals = [_load_assignment(course, step, name) for step in ("release", "source")]
    submitted = _of_each_student(course / "submitted", name)
    if not submitted:
        raise AssignmentError(
            f"nothing was submitted; expected {course}/submitted/STUDENT/{name}/{name}.ipynb. Put the notebooks there. "
            + " ".join(review.misplaced(name, course))
        )
    waiting, texts, digests = [], [], []
    for folder in submitted:
        file, notebook = find_submission(folder, name, [cell.source for cell in originals[0].cells])
        if regrade or _is_new(course, folder, name, file):
            waiting.append(folder)
            texts.append(nbformat.writes(prepare_tests(repair_submission(notebook, *originals), originals[1], file)))
            digests.append(_digest(file))
    with tempfile.TemporaryDirectory() as executed:
        for folder, digest, text in zip(waiting, digests, _execute_all(texts, limits, executor), strict=True):
            student = folder.parent.name
            (Path(executed) / student / name).mkdir(parents=True)
            (Path(executed) / student / name / f"{name}.ipynb").write_text(text, encoding="utf-8")
            if timestamp := _file(folder / "timestamp.txt", 100):
                (Path(executed) / student / name / "timestamp.txt").write_bytes(timestamp)
            try:
                run_converter(
                    Autograde, course, name, student, _already_executed(executed)
                )  # others are being executed meanwhile
            except AssignmentError as error:
                refused.append(str(error))
            else:
                _graded(course, folder, name).write_text(digest, encoding="utf-8")
                on_graded(student)
    if refused:
        raise AssignmentError(f"{'; '.join(refused)}. All others are graded.")
    return scores.list_scores(name, course)


def feedback(name: str, course: str | os.PathLike) -> list[Path]:
    """Writes a page for each graded submission that explains the points to the student, without the hidden tests.

    Raises:
        AssignmentError: nothing is graded; or nbgrader failed for some pages, which are named; the others are written.
    """
    course = as_path(course)
    graded = _of_each_student(course / "autograded", name)
    refused = feedback_pages.write_pages(course, name, [folder.parent.name for folder in graded])
    if refused:
        raise AssignmentError(f"{'; '.join(refused)}. All other pages were written.")
    folders = _of_each_student(course / "feedback", name)
    written = [path for folder in folders for path in entries(folder) if path.suffix == ".html"]
    if not written:
        raise AssignmentError(f"nothing is graded yet. Run `cifarlab assignments grade {name}` first.")
    return written


def _key(course: Path, given: str | None) -> str:
    """Returns the course's key. At the first release it is drawn, or taken from the argument, and saved."""
    path = course / "key.txt"
    if given is None:
        given = path.read_text(encoding="utf-8").strip() if path.exists() else secrets.token_hex(8)
    if not re.fullmatch(r"[\w.-]{16,100}", given):  # a shorter one could be found by brute force
        raise AssignmentError(f"key must be 16 to 100 letters, digits, dots or dashes; got {len(given)} characters.")
    path.write_text(given + "\n", encoding="utf-8")
    path.chmod(0o600)
    if not (course / SETTINGS_FILE).exists():
        (course / SETTINGS_FILE).write_text(DEFAULT_SETTINGS, encoding="utf-8")
    return given


def _private_tests(extra_tests: str | os.PathLike | None, name: str) -> list[nbformat.NotebookNode]:
    """Returns a hidden test for each of an instructor's test files."""
    cells = []
    tests = entries(as_path(extra_tests) / name) if extra_tests is not None else []
    for path in (path for path in tests if path.suffix == ".py"):
        first, _, code = path.read_text(encoding="utf-8-sig").partition("\n")
        match = re.fullmatch(r"# points: (\d+(?:\.\d+)?)\s*", first)
        if not match:
            raise AssignmentError(f"{path}: the first line must be like '# points: 2'; got {first[:40]!r}.")
        known = {"grade_id": f"{PRIVATE_PREFIX}{path.stem}", "points": float(match[1]), "grade": True, "locked": True}
        known |= {"solution": False, "task": False, "schema_version": 3}
        text = f"# A private test of the instructor.\n### {HIDDEN_TESTS}\n{code.rstrip()}\n### END HIDDEN TESTS"
        cells.append(nbformat.v4.new_code_cell(text, metadata=nbformat.from_dict({"nbgrader": known})))
    if extra_tests is not None and not cells:
        raise AssignmentError(f"no tests in {as_path(extra_tests) / name}; expected .py files.")
    return cells


def _already_executed(folder: str) -> Config:
    """Returns settings with which nbgrader grades the notebooks in another directory by their existing outputs."""
    settings = Config()
    settings.CourseDirectory.submitted_directory = folder
    settings.Autograde.sanitize_preprocessors = [
        f"nbgrader.preprocessors.{step}" for step in ("OverwriteKernelspec", "OverwriteCells", "CheckCellMetadata")
    ]
    settings.Autograde.autograde_preprocessors = [
        f"nbgrader.preprocessors.{step}"
        for step in ("LimitOutput", "SaveAutoGrades", "AssignLatePenalties", "CheckCellMetadata")
    ]
    return settings


def _load_assignment(course: Path, step: str, name: str) -> nbformat.NotebookNode:
    path = course / step / name / f"{name}.ipynb"
    if not path.is_file():
        raise AssignmentError(f"{path} does not exist. Run `cifarlab assignments release {name}` first.")
    return nbformat.read(path, as_version=4)


def _of_each_student(step: Path, name: str) -> list[Path]:
    """Lists an assignment's directories in a step's, such as `submitted/STUDENT/NAME`, sorted by student."""
    return [student / name for student in entries(step) if os.path.exists(student / name)]


def _file(path: Path, most: int) -> bytes:
    """Reads the first `most` bytes of a regular file; b"" for links, which may point to others' files, and pipes."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return b""
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""


def _execute_all(texts: list[str], limits: Limits, executor: concurrent.futures.Executor | None) -> Iterator[str]:
    """Yields the executed notebooks in order. One that kills the process that executes it does not affect others."""
    if executor is None:
        yield from (execute_notebook(text, limits) for text in texts)
        return
    for text, future in zip(texts, [executor.submit(execute_notebook, text, limits) for text in texts], strict=True):
        try:
            yield future.result()
        except concurrent.futures.BrokenExecutor:  # this notebook, or another one in progress, ended the process
            yield _execute_isolated(text, limits)
        except Exception as error:
            if type(error).__name__ != "KilledWorker":  # raised by Dask after several workers died
                raise
            yield mark_not_run(text, _ENDED)


_ENDED = "the notebook killed the process that executed it"


def _execute_isolated(text: str, limits: Limits) -> str:
    """Executes a notebook in a separate process that executes nothing else."""
    with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        try:
            return process.submit(execute_notebook, text, limits).result()
        except concurrent.futures.BrokenExecutor:
            return mark_not_run(text, _ENDED)


def _is_new(course: Path, submitted: Path, name: str, file: bytes) -> bool:
    """Returns whether a submission differs from the graded one; compares hashes, since copying may keep timestamps."""
    graded = _graded(course, submitted, name)
    return not graded.exists() or graded.read_text(encoding="utf-8") != _digest(file)


def _graded(course: Path, submitted: Path, name: str) -> Path:
    """Returns the path of the graded submission's hash, next to the notebook that nbgrader has graded."""
    return course / "autograded" / submitted.parent.name / name / "submitted.sha256"


def _digest(file: bytes) -> str:
    return hashlib.sha256(file).hexdigest()
