"""`cifarlab assignments`: arguments -> one call each of release, grade, feedback and report."""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from cifarlab.errors import UserError

STEPS = {
    "release": "make the notebook for students, with hidden tests of your own key, in COURSE/release",
    "grade": "execute and grade what is in COURSE/submitted/STUDENT/NAME, several notebooks at once",
    "feedback": "write a page for each student into COURSE/feedback",
    "report": "print everybody's points, and write them as a CSV file for a learning platform",
}


def add_arguments(parser: argparse.ArgumentParser, make: type[argparse.ArgumentParser]) -> None:
    """Adds the four steps and their flags to the parser of `cifarlab assignments`."""
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP", parser_class=make)
    parsers = {}
    for step, text in STEPS.items():
        parsers[step] = steps.add_parser(
            step, help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False
        )
        parsers[step].add_argument("name", metavar="NAME", help="of the exercise, such as 01_softmax")
        parsers[step].add_argument(
            "--course",
            type=Path,
            default=Path("course"),
            metavar="FOLDER",
            help="the course's folder (default: course)",
        )
    release, grade, report = parsers["release"], parsers["grade"], parsers["report"]
    release.add_argument(
        "--solutions", type=Path, default=Path("solutions"), metavar="FOLDER", help="where the solutions are"
    )
    release.add_argument(
        "--key", help="what hidden tests draw their numbers from (default: the course's own, in key.txt)"
    )
    release.add_argument(
        "--extra-tests",
        type=Path,
        metavar="FOLDER",
        help="hidden tests of your own, FOLDER/NAME/*.py; see docs/instructors.md",
    )
    grade.add_argument("--regrade", action="store_true", help="also what is graded already")
    where = grade.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=int, default=os.cpu_count(), metavar="N", help="notebooks at once on this machine"
    )
    where.add_argument("--cluster", metavar="ADDRESS", help="of a Dask scheduler, such as tcp://10.0.0.1:8786")
    for name, unit in LIMITS.items():
        grade.add_argument(f"--{name.replace('_', '-')}", type=float, metavar="X", help=unit)
    report.add_argument("--csv", type=Path, metavar="FILE", help="where to write the points")
    report.add_argument(
        "--format", choices=("canvas", "moodle"), default="canvas", help="whose columns the CSV file has"
    )


LIMITS = {
    "cell_seconds": "that one cell may take",
    "seconds": "that one notebook may take",
    "memory_mb": "that one notebook may use",
    "output_mb": "that one notebook may print",
    "disk_mb": "that one notebook may write",
}


def run(options: argparse.Namespace, say: Callable[[str], None]) -> int:
    """Carries out one step.

    Args:
        options: what `add_arguments` has parsed.
        say: prints a line.

    Raises:
        UserError: nbgrader is not installed, or something is not there; the message says what to do.
    """
    try:
        from cifarlab.teaching.grading import assignments, scores
    except ModuleNotFoundError as error:
        raise UserError(f"grading needs {error.name}: pip install -e '.[grading]', or `make setup`.") from error
    name, course = options.name, options.course
    if options.step == "release":
        path = assignments.release(
            name, course, solutions=options.solutions, key=options.key, extra_tests=options.extra_tests
        )
        say(
            f"{path}: give this to students. Hidden tests draw their numbers from {course / 'key.txt'}; keep it secret."
        )
    elif options.step == "grade":
        _grade(options, say)
    elif options.step == "feedback":
        pages = assignments.feedback(name, course)
        say(f"{len(pages)} pages in {course / 'feedback'}, one for each student.")
    else:
        say(scores.format_table(scores.list_scores(name, course)))
        if options.csv:
            scores.export_csv(name, course, options.csv, options.format)
            say(f"{options.csv}: the points, for {options.format.capitalize()}.")
    return 0


def _grade(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    from cifarlab.teaching.grading import assignments, scores
    from cifarlab.teaching.sandbox import execution

    given = {name: getattr(options, name) for name in LIMITS if getattr(options, name) is not None}
    if any(value <= 0 for value in given.values()) or (options.workers or 0) < 1:
        raise UserError("limits and the number of workers are greater than 0.")
    limits = dataclasses.replace(execution.Limits(), **given)
    with _executor(options) as executor:
        points = assignments.grade(
            options.name,
            options.course,
            executor=executor,
            limits=limits,
            regrade=options.regrade,
            on_graded=lambda student: say(f"graded: {student}"),
        )
    say(scores.format_table(points))


@contextlib.contextmanager
def _executor(options: argparse.Namespace) -> Iterator[concurrent.futures.Executor]:
    """Processes on this machine, or a Dask cluster."""
    if not options.cluster:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(options.workers, mp_context=context) as processes:
            yield processes
        return
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise UserError("a cluster needs Dask: pip install -e '.[cluster]'.") from error
    try:
        client = Client(options.cluster, timeout=10)
    except OSError as error:
        raise UserError(f"no Dask scheduler answers at {options.cluster}: {error}") from error
    with client:
        yield client.get_executor()
