"""The `cifarlab assignments` command: release, grade, feedback, report and so on."""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import json
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cifarlab.errors import UserError
from cifarlab.files import as_path, atomic_write_text
from cifarlab.teaching.grading import report_cli

if TYPE_CHECKING:
    from cifarlab.teaching.sandbox.limits import Limits

LOOK = 3
"""The exit status of `grade` if it ends with a list of submissions to look at."""

STEPS = {
    "release": "create the notebook for students in COURSE/release; hidden tests use the course's key",
    "grade": (
        "execute and grade the notebooks in COURSE/submitted/STUDENT/NAME, several at once; the exit status is 3 "
        "if it ends with a list of submissions to look at"
    ),
    "feedback": "write a page for each student to COURSE/feedback",
    "report": "print the points of all students, what the class has understood, or one student's results",
    "extend": "give a student more time for an assignment",
    "grade-one": "grade one notebook without a gradebook, and write the result as JSON, for other platforms",
}


def add_arguments(parser: argparse.ArgumentParser, make: type[argparse.ArgumentParser]) -> None:
    """Adds the four steps and their options to the parser of `cifarlab assignments`."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=make)
    parsers = {}
    for step, text in STEPS.items():
        parsers[step] = steps.add_parser(
            step, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )
        _add_names(parsers[step], step)
        _add_path(parsers[step], "--course", Path("course"), "the course directory (default: course)")
    release, grade = parsers["release"], parsers["grade"]
    _add_path(release, "--solutions", Path("solutions"), "the directory of the solutions (default: solutions)")
    release.add_argument(
        "--key", help="the key from which hidden tests draw their numbers (default: the course's, in key.txt)"
    )
    tests = release.add_mutually_exclusive_group()
    tests.add_argument(
        "--extra-tests", type=Path, metavar="DIR", help="your private tests, DIR/NAME/*.py (default: those it has)"
    )
    tests.add_argument("--drop-extra-tests", action="store_true", help="release without the private tests that it has")
    grade.add_argument("--student", metavar="STUDENT", help="grade only this student's submission")
    grade.add_argument("--regrade", action="store_true", help="grade all submissions, including graded ones")
    where = grade.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=int, default=os.cpu_count(), metavar="N", help="notebooks to execute at once on this machine"
    )
    where.add_argument(
        "--cluster", metavar="ADDRESS", help="the address of a Dask scheduler, such as tcp://10.0.0.1:8786"
    )
    for name, text in LIMITS.items():
        for parser in (grade, parsers["grade-one"]):
            parser.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="X", help=text)
    report_cli.add_arguments(parsers["report"])
    parsers["extend"].add_argument(
        "--hours", type=float, required=True, metavar="N", help="hours after the due date; 0 removes an extension"
    )
    _add_grade_one(parsers["grade-one"])


def _add_names(parser: argparse.ArgumentParser, step: str) -> None:
    """Adds a step's arguments without a dash: the names of an exercise or student, or a path."""
    if step == "grade-one":
        parser.add_argument("notebook", type=Path, metavar="NOTEBOOK", help="the notebook, or its directory")
        return
    if step == "extend":
        parser.add_argument("student", metavar="STUDENT", help="the student's name, as in COURSE/submitted")
    optional: dict[str, Any] = {"nargs": "?"} if step == "report" else {}
    parser.add_argument("name", metavar="NAME", help="the exercise's name, such as 01_softmax", **optional)


def _add_grade_one(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=Path, required=True, metavar="FILE", help="the file to write the result to")
    parser.add_argument(
        "--format", choices=("plain", "gradescope"), default="plain", help="its format (default: plain)"
    )
    text = "the exercise's name (default: the notebook's name, or the only released exercise)"
    parser.add_argument("--name", metavar="NAME", help=text)


def _add_path(parser: argparse.ArgumentParser, option: str, default: Path | None, text: str) -> None:
    parser.add_argument(option, type=Path, default=default, metavar="DIR", help=text)


LIMITS = {
    "cell_seconds": "time limit of a cell, in seconds",
    "seconds": "time limit of a notebook, in seconds",
    "memory_mb": "memory limit of a notebook, in MB",
    "output_mb": "limit on what a notebook prints, in MB",
    "disk_mb": "limit on a notebook's files, in MB",
}


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Runs one step; returns the exit status, which is 3 if an instructor should look at some submissions.

    Args:
        options: the parsed arguments; see `add_arguments`.
        say: prints a line.

    Raises:
        UserError: nbgrader is not installed, or the step failed; the message says what to do.
    """
    try:
        from cifarlab.teaching.grading import assignments, students
    except ModuleNotFoundError as error:
        raise UserError(f"grading needs {error.name}. Run pip install -e '.[grading]' or `make setup`.") from error
    course: Path = options.course
    if options.step == "release":
        given = {key: getattr(options, key) for key in ("solutions", "key", "extra_tests", "drop_extra_tests")}
        path = assignments.release(options.name, course, **given, say=say)
        say(
            f"wrote {path}: give it to your students. Hidden tests draw their numbers from {course / 'key.txt'}; keep "
            "that file secret."
        )
    elif options.step == "grade":
        return _grade(options, say)
    elif options.step == "feedback":
        pages = assignments.feedback(options.name, course, say=say)
        say(f"wrote {len(pages)} pages to {course / 'feedback'}, one for each student.")
    elif options.step == "extend":
        say(students.extend(options.student, options.name, course, options.hours))
    elif options.step == "grade-one":
        _grade_one(options, say)
    else:
        report_cli.report(options, say)
    return 0


def _grade(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    from cifarlab.teaching.grading import assignments, releasing, review, scores

    limits = _limits(options)
    if (options.workers or 0) < 1:
        raise UserError("limits and --workers must be greater than 0.")
    with _executor(options) as executor:
        points = assignments.grade(
            options.name,
            options.course,
            executor=executor,
            limits=limits,
            only_student=options.student,
            regrade=options.regrade,
            on_graded=lambda student: say(f"graded: {student}"),
            say=say,
        )
    reviews = review.read_reviews(options.name, as_path(options.course))
    misplaced = review.misplaced(options.name, as_path(options.course))
    unscored = scores.list_unscored(options.name, options.course)
    if options.student is not None:
        points, misplaced, unscored = [each for each in points if each.student == options.student], [], []
    say(review.format_points(points, reviews, unscored))
    if note := releasing.stale_note(as_path(options.course), options.name):
        say(note)
    attention = review.format_attention(points, reviews, misplaced)
    if attention:
        say(attention)
    return LOOK if attention else 0


def _limits(options: argparse.Namespace) -> "Limits":
    """Returns the limits of a notebook, as the options change them."""
    from cifarlab.teaching.sandbox.limits import Limits

    given = {name: getattr(options, name) for name in LIMITS if getattr(options, name) is not None}
    if any(value <= 0 for value in given.values()):
        raise UserError("limits and --workers must be greater than 0.")
    return dataclasses.replace(Limits(), **given)


def _grade_one(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Grades one notebook; a result is written whatever happens, also if this process is killed."""
    from cifarlab.teaching.grading import grade_one
    from cifarlab.teaching.grading.result_formats import FORMATS

    def write(result: grade_one.NotebookResult) -> None:
        atomic_write_text(as_path(options.json), json.dumps(FORMATS[options.format](result), indent=1) + "\n")

    write(grade_one.UNFINISHED)
    try:
        result = grade_one.grade_notebook(options.notebook, options.course, name=options.name, limits=_limits(options))
    except Exception as error:
        write(grade_one.failed(error, options.name))
        if isinstance(error, UserError | OSError):
            raise
        raise UserError(f"grading failed: {type(error).__name__}: {error}. {options.json} says so, too.") from error
    write(result)
    points, most = (
        sum(part) for part in zip(*((test.score or 0, test.max_score) for test in result.tests), strict=True)
    )
    say(f"{result.assignment}: {points:g} of {most:g} points; wrote {options.json}.")


@contextlib.contextmanager
def _executor(options: argparse.Namespace) -> Iterator[concurrent.futures.Executor]:
    """Provides an executor: processes on this machine, or a Dask cluster."""
    if not options.cluster:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(options.workers, mp_context=context) as processes:
            yield processes
        return
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise UserError("--cluster needs Dask. Install it: pip install -e '.[cluster]'.") from error
    try:
        client = Client(options.cluster, timeout=10)
    except OSError as error:
        raise UserError(f"no Dask scheduler answers at {options.cluster}: {error}") from error
    with client:
        yield client.get_executor()
