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
import difflib
import multiprocessing
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat

from cifarlab.files import as_path, entries
from cifarlab.teaching.grading import (
    advice,
    gradebook_file,
    manual_grades,
    nbgrader_course,
    review,
    scores,
    timestamps,
    versions,
)
from cifarlab.teaching.grading import feedback as feedback_pages
from cifarlab.teaching.grading.gradebook_file import AssignmentError, GradebookError
from cifarlab.teaching.grading.intake import find_submission, is_empty
from cifarlab.teaching.grading.releasing import load_assignment, release
from cifarlab.teaching.grading.submissions import repair_submission
from cifarlab.teaching.sandbox.execution import execute_notebook, mark_not_run
from cifarlab.teaching.sandbox.limits import Limits
from cifarlab.teaching.sandbox.nbgrader_cells import prepare_tests

__all__ = ["feedback", "grade", "release"]


def grade(
    name: str,
    course: str | os.PathLike,
    *,
    executor: concurrent.futures.Executor | None = None,
    limits: Limits | None = None,
    only_student: str | None = None,
    regrade: bool = False,
    on_graded: Callable[[str], object] = lambda student: None,
    say: Callable[[str], object] = lambda line: None,
) -> list[scores.Score]:
    """Grades the submissions of an assignment that are new or have changed since they were graded.

    Args:
        name: the assignment's name.
        course: the course directory.
        executor: executes several notebooks at once; by default they are executed here, one after another.
        limits: resource limits of each notebook.
        only_student: grades only this student's submission; by default all.
        regrade: whether to grade all submissions, including those already graded.
        on_graded: called with a student's name after each graded notebook, which stays graded if a later one fails.
        say: called with a line about each thing that an instructor should know, such as an invalid `timestamp.txt`.

    Raises:
        AssignmentError: the assignment was not released in this course; nothing was submitted; or nbgrader failed for
            some submissions, which are named; the others are graded.
        GradebookError: the gradebook is locked by another program, or damaged. What was graded before is kept.
    """
    course, limits, refused = as_path(course), limits or Limits(), []
    gradebook_file.check_gradebook(course)
    originals = load_assignment(course, name)
    submitted = _submitted(course, name)
    if only_student is not None:
        submitted = _of_one_student(submitted, only_student, name)
    recorded = nbgrader_course.recorded_students(course, name)
    waiting, texts, found = [], [], []
    for folder in submitted:
        file, notebook = find_submission(folder, name, [cell.source for cell in originals[0].cells])
        version = versions.version(file, _file(folder / "timestamp.txt", 100), originals[1])
        student = folder.parent.name
        if regrade or student not in recorded or versions.graded_version(course, student, name) != version:
            waiting.append(folder)
            texts.append(nbformat.writes(prepare_tests(repair_submission(notebook, *originals), originals[1], file)))
            found.append(version)
    with tempfile.TemporaryDirectory() as executed:
        for folder, version, text in zip(waiting, found, _execute_all(texts, limits, executor), strict=True):
            student = folder.parent.name
            (Path(executed) / student / name).mkdir(parents=True)
            (Path(executed) / student / name / f"{name}.ipynb").write_text(text, encoding="utf-8")
            same = versions.graded_version(course, student, name).splitlines()[:1] == version.splitlines()[:1]
            try:
                _take_timestamp(course, folder, Path(executed) / student / name, say)
                with manual_grades.kept(course, name, student, same_file=same):
                    nbgrader_course.autograde(course, name, student, executed)  # others are being executed meanwhile
                advice.store(course, name, student)
            except GradebookError:
                raise  # it concerns all of them
            except AssignmentError as error:
                refused.append(str(error))
            else:
                (course / "autograded" / student / name / versions.FILE).write_text(version, encoding="utf-8")
                on_graded(student)
    nbgrader_course.keep_private(course)
    if refused:
        raise AssignmentError(f"{'; '.join(refused)}. All others are graded.")
    return scores.list_scores(name, course)


def feedback(name: str, course: str | os.PathLike, *, say: Callable[[str], object] = lambda line: None) -> list[Path]:
    """Writes a page for each graded submission that explains the points to the student, without the hidden tests.

    Args:
        name: the assignment's name.
        course: the course directory.
        say: called with a line about students who are not in the gradebook, for example because you removed them.

    Raises:
        AssignmentError: nothing is graded; or nbgrader failed for some pages, which are named; the others are written.
    """
    course = as_path(course)
    gradebook_file.check_gradebook(course)
    students = [folder.parent.name for folder in _of_each_student(course / "autograded", name)]
    recorded = nbgrader_course.recorded_students(course, name) if students else set()
    if removed := sorted({*students} - recorded):
        say(
            f"not in the gradebook, so without a page: {', '.join(removed)}. Remove autograded/STUDENT, or grade again."
        )
    refused = feedback_pages.write_pages(course, name, [student for student in students if student in recorded])
    if refused:
        raise AssignmentError(f"{'; '.join(refused)}. All other pages were written.")
    folders = [folder for folder in _of_each_student(course / "feedback", name) if folder.parent.name in recorded]
    written = [path for folder in folders for path in entries(folder) if path.suffix == ".html"]
    if not written:
        raise AssignmentError(f"nothing is graded yet. Run `cifarlab assignments grade {name}` first.")
    return written


def _of_each_student(step: Path, name: str) -> list[Path]:
    """Lists an assignment's directories in a step's, such as `submitted/STUDENT/NAME`, sorted by student."""
    return [student / name for student in entries(step) if os.path.exists(student / name)]


def _submitted(course: Path, name: str) -> list[Path]:
    """Lists the students' directories with submissions of an assignment.

    Raises:
        AssignmentError: there are none, or a student's name is not UTF-8.
    """
    submitted = [folder for folder in _of_each_student(course / "submitted", name) if not is_empty(folder)]
    if not submitted:
        raise AssignmentError(
            f"nothing was submitted; expected {course}/submitted/STUDENT/{name}/{name}.ipynb. Put the notebooks there. "
            + " ".join(review.misplaced(name, course))
        )
    for student in (folder.parent.name for folder in submitted):
        if any("\ud800" <= letter <= "\udfff" for letter in student):  # Python's form of undecodable bytes
            raise AssignmentError(
                f"the directory {student!a} in {course / 'submitted'} is not UTF-8; rename it, or set PYTHONUTF8=1 if "
                "your locale is not UTF-8."
            )
    return submitted


def _of_one_student(submitted: list[Path], student: str, name: str) -> list[Path]:
    """Returns the directory of one student among those of all."""
    found = [folder for folder in submitted if folder.parent.name == student]
    if not found:
        near = difflib.get_close_matches(student, [folder.parent.name for folder in submitted])
        hint = f"Did you mean {', '.join(near)}?" if near else f"{len(submitted)} others have."
        raise AssignmentError(f"--student must be one who submitted {name}; {student} has not. {hint}")
    return found


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


def _take_timestamp(course: Path, submitted: Path, executed: Path, say: Callable[[str], object]) -> None:
    """Passes the time of a submission to nbgrader; one that is invalid is named, and counts as in time."""
    text = _file(submitted / "timestamp.txt", 100)
    try:
        time = timestamps.parse_timestamp(text) if text else None
    except ValueError as error:
        say(f"{submitted.parent.name}: {error}; graded as submitted in time. Correct it, then run `grade` again.")
        time = None
    if time is not None:
        (executed / "timestamp.txt").write_text(timestamps.format_timestamp(time), encoding="ascii")
    else:
        nbgrader_course.forget_timestamp(course, submitted.name, submitted.parent.name)
