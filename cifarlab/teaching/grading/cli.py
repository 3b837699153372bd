"""The `cifarlab assignments` command: release, grade, feedback and report."""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cifarlab.errors import UserError
from cifarlab.files import as_path

LOOK = 3
"""The exit status of `grade` if it ends with a list of submissions to look at."""

STEPS = {
    "release": "create the notebook for students in COURSE/release; hidden tests use the course's key",
    "grade": (
        "execute and grade the notebooks in COURSE/submitted/STUDENT/NAME, several at once; the exit status is 3 "
        "if it ends with a list of submissions to look at"
    ),
    "feedback": "write a page for each student to COURSE/feedback",
    "report": "print all students' points, and write them to a CSV file for a learning platform",
}


def add_arguments(parser: argparse.ArgumentParser, make: type[argparse.ArgumentParser]) -> None:
    """Adds the four steps and their options to the parser of `cifarlab assignments`."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=make)
    parsers = {}
    for step, text in STEPS.items():
        parsers[step] = steps.add_parser(
            step, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )
        parsers[step].add_argument("name", metavar="NAME", help="the exercise's name, such as 01_softmax")
        _add_path(parsers[step], "--course", Path("course"), "the course directory (default: course)")
    release, grade, report = parsers["release"], parsers["grade"], parsers["report"]
    _add_path(release, "--solutions", Path("solutions"), "the directory of the solutions (default: solutions)")
    release.add_argument(
        "--key", help="the key from which hidden tests draw their numbers (default: the course's, in key.txt)"
    )
    tests = release.add_mutually_exclusive_group()
    tests.add_argument(
        "--extra-tests", type=Path, metavar="DIR", help="your private tests, DIR/NAME/*.py (default: those it has)"
    )
    tests.add_argument("--drop-extra-tests", action="store_true", help="release without the private tests that it has")
    grade.add_argument("--regrade", action="store_true", help="grade all submissions, including graded ones")
    where = grade.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=int, default=os.cpu_count(), metavar="N", help="notebooks to execute at once on this machine"
    )
    where.add_argument(
        "--cluster", metavar="ADDRESS", help="the address of a Dask scheduler, such as tcp://10.0.0.1:8786"
    )
    for name, text in LIMITS.items():
        grade.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="X", help=text)
    report.add_argument("--csv", type=Path, metavar="FILE", help="the CSV file to write the points to")
    report.add_argument(
        "--format",
        choices=("canvas", "moodle", "tasks"),
        default="canvas",
        help="the format of the CSV file: canvas (default), moodle, or tasks with the points of each task",
    )


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
        from cifarlab.teaching.grading import assignments
    except ModuleNotFoundError as error:
        raise UserError(f"grading needs {error.name}. Run pip install -e '.[grading]' or `make setup`.") from error
    name, course = options.name, options.course
    if options.step == "release":
        given = {key: getattr(options, key) for key in ("solutions", "key", "extra_tests", "drop_extra_tests")}
        path = assignments.release(name, course, **given, say=say)
        say(
            f"wrote {path}: give it to your students. Hidden tests draw their numbers from {course / 'key.txt'}; keep "
            "that file secret."
        )
    elif options.step == "grade":
        return _grade(options, say)
    elif options.step == "feedback":
        pages = assignments.feedback(name, course, say=say)
        say(f"wrote {len(pages)} pages to {course / 'feedback'}, one for each student.")
    else:
        _report(options, say)
    return 0


def _report(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    from cifarlab.teaching.grading import scores, similarity

    name, course = options.name, options.course
    points = scores.list_scores(name, course)
    say(scores.format_table(points))
    if alike := similarity.format_similar(similarity.find_similar(*similarity.read_answers(course, name))):
        say("\nnearly the same answers, for you alone; look before you conclude, a common source makes answers alike:")
        for line in alike:
            say(f"- {line}")
    if options.csv:
        scores.export_csv(name, course, options.csv, options.format)
        say(f"wrote the points to {options.csv}, as {options.format}.")
        left = [p.student for p in points if p.needs_manual_grade]
        if left and options.format != "tasks":
            say(f"left out, because answers still wait to be graded by hand: {', '.join(left)}.")


def _grade(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    from cifarlab.teaching.grading import assignments, review
    from cifarlab.teaching.sandbox import execution

    given = {name: getattr(options, name) for name in LIMITS if getattr(options, name) is not None}
    if any(value <= 0 for value in given.values()) or (options.workers or 0) < 1:
        raise UserError("limits and --workers must be greater than 0.")
    limits = dataclasses.replace(execution.Limits(), **given)
    with _executor(options) as executor:
        points = assignments.grade(
            options.name,
            options.course,
            executor=executor,
            limits=limits,
            regrade=options.regrade,
            on_graded=lambda student: say(f"graded: {student}"),
            say=say,
        )
    reviews = review.read_reviews(options.name, as_path(options.course))
    say(review.format_points(points, reviews))
    attention = review.format_attention(points, reviews, review.misplaced(options.name, as_path(options.course)))
    if attention:
        say(attention)
    return LOOK if attention else 0


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
