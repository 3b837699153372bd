"""The report on a class as text for the console and as a CSV file."""

import csv
import io
import os
import textwrap
from collections.abc import Sequence

from cifarlab.files import as_path, atomic_write_text
from cifarlab.teaching.grading.class_report import AdviceResult, ClassReport, TaskResult
from cifarlab.teaching.grading.scores import harmless
from cifarlab.text import counted, sanitize

WIDTH = 100
"""The width of the text, in characters."""
DASH = "\N{EN DASH}"
"""Stands for a number that is not known yet."""


def format_report(report: ClassReport, *, names: bool = False) -> str:
    """Formats a report as text.

    Args:
        report: the report.
        names: whether to name the students who received a piece of advice.
    """
    titles = [sanitize(result.task.title) for result in report.tasks]
    width = min(50, max(map(len, ["task", *titles])))
    lines = [*summary(report), "", f"{'task':{width}}  all correct  mean points  missing"]
    for title, result in zip(titles, report.tasks, strict=True):
        columns = f"{share(result):>11}  {mean(result):>11}  {result.missing:>7}"
        lines.append(f"{textwrap.shorten(title, width, placeholder=' ...'):{width}}  {columns}{pending(result)}")
    lines += ["", *(_advice_lines(report.advice, names) if report.advice else ["No check gave advice."])]
    return "\n".join(lines)


def summary(report: ClassReport) -> list[str]:
    """Returns sentences that say how many submissions the report is about, and which task fewest students have solved.

    >>> summary(ClassReport("01_softmax", {"ada": 10.0}, 12.0, [], [], 2))
    ['01_softmax: 1 graded submission; 2 students of the course without one.']
    """
    graded, without = len(report.points), report.not_submitted
    text = f"{sanitize(report.name)}: {counted(graded, 'graded submission')}"
    more = f"; {counted(without, 'student')} of the course without one" if without else ""
    if report.left_out:
        more += f"; {counted(report.left_out, 'student')} no longer in submitted/ left out"
    known = [result for result in report.tasks if not result.waiting]
    hardest = min(known, key=lambda result: result.correct / result.graded, default=None)
    if hardest is None or hardest.correct == hardest.graded:
        return [f"{text}{more}."]
    return [f"{text}{more}.", f"Least understood: {sanitize(hardest.task.title)} ({share(hardest)} all correct)."]


def share(result: TaskResult) -> str:
    """Returns the share of correct answers as a percentage; a dash while answers wait to be graded."""
    return DASH if result.waiting or not result.graded else f"{result.correct / result.graded:.0%}"


def mean(result: TaskResult) -> str:
    """Returns the mean points and the maximum; a dash for the mean while answers wait to be graded."""
    points = DASH if result.waiting or not result.graded else f"{result.mean_points:.1f}"
    return f"{points} of {result.max_points:g}"


def pending(result: TaskResult) -> str:
    """Returns a note on answers that wait for manual grading; "" if there are none."""
    return f"  ({result.waiting} to grade manually)" if result.waiting else ""


def _advice_lines(advice: Sequence[AdviceResult], names: bool) -> list[str]:
    """Returns the lines about each piece of advice: how many received it, its id and its words."""
    lines = ["students  advice"]
    for result in advice:
        lines.append(f"{len(result.students):>8}  {result.id}")
        lines += textwrap.wrap(result.words, WIDTH, initial_indent=" " * 10, subsequent_indent=" " * 10)
        if names:
            text = ", ".join(map(sanitize, result.students))
            lines += textwrap.wrap(text, WIDTH, initial_indent=" " * 10 + "- ", subsequent_indent=" " * 12)
    return lines


HEADER = ("kind", "name", "text", "students", "share", "mean points", "max points", "missing", "to grade manually")


def write_csv(report: ClassReport, path: str | os.PathLike, *, names: bool = False) -> None:
    """Writes a report to a CSV file with a row for each task and for each piece of advice.

    The column "students" counts those with all points in a task, or those who received the advice; "share" divides
    that number by that of the graded submissions. They are empty while answers to the task wait to be graded. Rows
    about advice leave the other numbers empty.

    Args:
        report: the report.
        path: the path of the file, which is replaced.
        names: whether to add a column with the names of the students who received a piece of advice.
    """
    rows: list[list[str]] = [[*HEADER, *(["names"] if names else [])]]
    for result in report.tasks:
        final = result.graded and not result.waiting
        numbers = [f"{result.correct / result.graded:.3f}", f"{result.mean_points:.3f}"] if final else ["", ""]
        rows.append(["task", result.task.name, result.task.title, str(result.correct) if final else "", *numbers])
        rows[-1] += [f"{result.max_points:g}", str(result.missing), str(result.waiting)]
        rows[-1] += [""] * names
    for advice in report.advice:
        count = len(advice.students)
        part = f"{count / len(report.points):.3f}"
        rows.append(["advice", advice.id, advice.words, str(count), part, "", "", "", ""])
        rows[-1] += [", ".join(advice.students)] * names
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([[harmless(cell) for cell in row] for row in rows])
    atomic_write_text(as_path(path), "\ufeff" + text.getvalue())  # without the mark, Excel does not read UTF-8
