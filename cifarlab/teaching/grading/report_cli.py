"""`cifarlab assignments report`: the points of a class, what it has understood, or the results of one student."""

import argparse
from collections.abc import Callable
from pathlib import Path

from cifarlab.errors import UserError
from cifarlab.files import as_path
from cifarlab.text import sanitize


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options to the step's parser."""
    parser.add_argument(
        "--tasks", action="store_true", help="report each task's results, and the advice that students received"
    )
    parser.add_argument("--names", action="store_true", help="with --tasks: name the students who received an advice")
    parser.add_argument(
        "--student", metavar="STUDENT", help="report one student's results in all exercises, or in NAME"
    )
    parser.add_argument(
        "--csv", type=Path, metavar="FILE", help="a CSV file to write the points to; with --tasks, the tasks' results"
    )
    parser.add_argument(
        "--format",
        choices=("canvas", "moodle", "tasks"),
        help="the format of the CSV file: canvas (default), moodle, or tasks with each student's points in each task",
    )
    parser.add_argument("--html", type=Path, metavar="FILE", help="with --tasks: a page with two figures to write")


def report(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Prints and writes what the options ask for.

    Raises:
        UserError: the options do not fit together, or nothing is graded.
    """
    _check(options)
    if options.student is not None:
        _report_student(options, say)
    elif options.tasks:
        _report_tasks(options, say)
    else:
        _report_points(options, say)


def _check(options: argparse.Namespace) -> None:
    """Refuses options that do not fit together, of which one would have no effect."""
    if options.name is None and options.student is None:
        raise UserError("report needs the exercise's NAME, or --student STUDENT for all exercises of a student.")
    for option in ("csv", "html", "tasks", "names", "format"):
        if options.student is not None and getattr(options, option):
            raise UserError(f"--{option} must be used without --student, which only prints. Remove one of them.")
    for option in ("html", "names"):
        if getattr(options, option) and not options.tasks:
            raise UserError(f"--{option} must be used with --tasks. Add it.")
    if options.format and options.tasks:
        raise UserError("--format is for points; --tasks has its own CSV format. Remove one of them.")
    if options.format and not options.csv:
        raise UserError("--format must be used with --csv FILE. Add it.")


def _report_student(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    from cifarlab.teaching.grading import releasing, students

    results = students.results_of(options.student, options.course)
    if options.name is not None:
        names = ", ".join(result.name for result in results)
        results = [result for result in results if result.name == options.name]
        if not results:
            raise UserError(f"no assignment {options.name!r} in {options.course}; found: {names or 'none'}.")
    say(students.format_results(results))
    for result in results:
        if note := releasing.stale_note(as_path(options.course), result.name, options.student):
            say(note)


def _report_tasks(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    from cifarlab.teaching.grading import class_report, class_tables, releasing

    report = class_report.summarize(options.name, options.course)
    say(class_tables.format_report(report, names=options.names))
    if note := releasing.stale_note(as_path(options.course), options.name):
        say(note)
    if options.csv:
        class_tables.write_csv(report, options.csv, names=options.names)
        say(f"wrote the tasks and the advice to {options.csv}.")
    if options.html:
        from cifarlab.teaching.grading import class_page

        class_page.write_page(report, options.html, names=options.names)
        say(f"wrote a page for the debriefing to {options.html}.")


def _report_points(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    from cifarlab.teaching.grading import releasing, scores, similarity

    name, course = options.name, options.course
    points = scores.list_scores(name, course)
    say(scores.format_table(points, scores.list_unscored(name, course)))
    if note := releasing.stale_note(as_path(course), name):
        say(note)
    left = [p.student for p in points if not p.submitted]
    if alike := similarity.format_similar(similarity.find_similar(*similarity.read_answers(course, name, left))):
        say("\nnearly the same answers, for you alone; look before you conclude, a common source makes answers alike:")
        for line in alike:
            say(f"- {line}")
        if left:
            say(f"- not compared, as no longer in submitted/: {', '.join(map(sanitize, left))}")
    if options.csv:
        csv_format = options.format or "canvas"
        scores.export_csv(name, course, options.csv, csv_format)
        say(f"wrote the points to {options.csv}, as {csv_format}.")
        left = [p.student for p in points if p.needs_manual_grade]
        if left and csv_format != "tasks":
            say(f"left out, because answers still wait to be graded by hand: {', '.join(left)}.")
